// SPDX-License-Identifier: MIT
//
// walk DIR: lstats everything below DIR, each by its full path; the compiled walker of scripts/bench.sh.
//
// nftw(3) and fts(3) will not do: glibc's nftw asks with fstatat and the directory's descriptor, so that the kernel
// never looks up what stands in front. Ends with 1 where something cannot be read.
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static unsigned long seen;

static int walk(const char *dir);

static int visit(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		fprintf(stderr, "walk: %s/%s: too long\n", dir, name);
		return -1;
	}
	if (lstat(path, &st) != 0) {
		perror(path);
		return -1;
	}
	seen++;
	return S_ISDIR(st.st_mode) ? walk(path) : 0;
}

static int walk(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int rc = 0;

	if (!d) {
		perror(dir);
		return -1;
	}
	while (rc == 0 && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = visit(dir, entry->d_name);
	closedir(d);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 2 || walk(argv[1]) != 0)
		return 1;
	printf("%lu\n", seen);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over its seeds alone, once, as a test: without libFuzzer, by any compiler. They
 * are the files of tests/fuzz/X, where the program's name ends with _X.
 */
#include "store/base/buf.h"
#include "store/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEED_MAX (1u << 20) /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int is_seed(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int run_seed(int dir, const char *name)
{
	autobuf seed = BUF_INIT;
	int r = io_read_file(dir, name, SEED_MAX, &seed, NULL);

	return r ? r : LLVMFuzzerTestOneInput((const uint8_t *)seed.data, seed.len);
}

int main(int argc, char **argv)
{
	const char *target = strrchr(argv[0], '_');
	char path[256];
	struct dirent **seeds;
	int dir, count, failed = 0;

	(void)argc;
	snprintf(path, sizeof(path), "tests/fuzz/%s", target ? target + 1 : "");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	count = scandir(path, &seeds, is_seed, alphasort);
	if (dir < 0 || count <= 0) {
		fprintf(stderr, "%s: no seeds\n", path);
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		int r = run_seed(dir, seeds[i]->d_name);

		failed |= r;
		printf("%sok %d - %s\n", r ? "not " : "", i + 1, seeds[i]->d_name);
		fflush(stdout);
		free(seeds[i]);
	}
	free(seeds);
	close(dir);
	return failed != 0;
}

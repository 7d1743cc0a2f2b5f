/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define STEP 65536

bool stopped(const struct reader *r)
{
	return r->shared->stop != 0;
}

static unsigned throw(struct reader * r, size_t sides)
{
	r->dice ^= r->dice << 13;
	r->dice ^= r->dice >> 7;
	r->dice ^= r->dice << 17;
	return (unsigned)(r->dice % sides);
}

/* ---- a file ---- */

static void place_of(const struct reader *r, const struct image *image, char *out)
{
	if (image->place)
		snprintf(out, PATH_SIZE, "%s", image->place);
	else
		snprintf(out, PATH_SIZE, "%s/%s/1/rootfs", r->root, image->name);
}

static int open_file(const struct reader *r, const struct image *image, const struct file *f)
{
	char path[2 * PATH_SIZE], place[PATH_SIZE];
	int fd;

	place_of(r, image, place);
	snprintf(path, sizeof(path), "%s/%s", place, f->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		tell_errno(r, path);
	return fd;
}

static void drop_file(const struct reader *r, const struct image *image, const struct file *f)
{
	int fd = r->cold ? open_file(r, image, f) : -1;

	if (fd < 0)
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

void drop_pages(const struct reader *r, struct image *image)
{
	for (size_t i = 0; image->seen && i < image->count; i++)
		drop_file(r, image, &image->files[i]);
	image->seen = true;
}

static void check(const struct reader *r, const struct image *image, const struct file *f,
		  size_t offset, const void *data, size_t len, bool quick)
{
	if (quick ? !known_heads(f, offset, data, len) : !known_same(r, f, offset, data, len))
		tell(r, "wrong", "%s/%s: %zu bytes at %zu are not what they should be", image->name,
		     f->path, len, offset);
}

static void read_by(struct reader *r, const struct image *image, const struct file *f, size_t size,
		    bool quick)
{
	static char data[1 << 20];
	size_t offset = 0;
	int fd = open_file(r, image, f);
	ssize_t n;

	while ((n = read(fd, data, size)) > 0) {
		check(r, image, f, offset, data, (size_t)n, quick);
		offset += (size_t)n;
		r->shared->read += (size_t)n;
	}
	if (n < 0)
		tell_errno(r, f->path);
	if (offset != f->len)
		tell(r, "short", "%s/%s: %zu of %zu bytes", image->name, f->path, offset, f->len);
	close(fd);
}

void read_file(struct reader *r, const struct image *image, const struct file *f)
{
	read_by(r, image, f, 1 << 17, false);
}

/* Who looks at all bytes of all files is no match for the reading ahead. */
static void skim_file(struct reader *r, const struct image *image, const struct file *f)
{
	read_by(r, image, f, 1 << 17, throw(r, 8) != 0);
}

static void map_file(struct reader *r, const struct image *image, const struct file *f)
{
	int fd = open_file(r, image, f);
	struct stat st;
	char *data;

	if (fstat(fd, &st) < 0)
		tell_errno(r, f->path);
	if ((size_t)st.st_size != f->len)
		tell(r, "short", "%s/%s: %zu of %zu bytes", image->name, f->path,
		     (size_t)st.st_size, f->len);
	data = f->len ? mmap(NULL, f->len, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	if (data == MAP_FAILED)
		tell_errno(r, f->path);
	for (size_t offset = 0; offset < f->len; offset += STEP)
		check(r, image, f, offset, data + offset,
		      f->len - offset < STEP ? f->len - offset : STEP, false);
	r->shared->read += f->len;
	if (data)
		munmap(data, f->len);
	close(fd);
}

/* Its size and its attributes. */
static void look_at(struct reader *r, const struct image *image, const struct file *f)
{
	char path[2 * PATH_SIZE], place[PATH_SIZE], names[1000], value[1000] = "-";
	struct stat st;
	ssize_t n;

	place_of(r, image, place);
	snprintf(path, sizeof(path), "%s/%s", place, f->path);
	if (lstat(path, &st) < 0 || (n = llistxattr(path, names, sizeof(names))) < 0)
		tell_errno(r, path);
	if (n > 0 && (n = lgetxattr(path, "user.kind", value, sizeof(value) - 1)) < 0)
		tell_errno(r, path);
	if ((size_t)st.st_size != f->len || strcmp(value, f->note) != 0)
		tell(r, "wrong", "%s: %zu bytes, user.kind %s", path, (size_t)st.st_size, value);
}

/* ---- all files of an image, in one order or the other ---- */

typedef void (*visitor)(struct reader *r, const struct image *image, const struct file *f);

static void free_entries(struct dirent **entries, int n)
{
	while (n > 0)
		free(entries[--n]);
	free(entries);
}

/* As tar does it: a directory is listed whole, then each entry. Each reader begins with another
 * folder of the image. */
static void walk_dir(struct reader *r, const struct image *image, const char *place,
		     const char *dir, visitor visit)
{
	char path[2 * PATH_SIZE];
	struct dirent **entries;
	int n;

	snprintf(path, sizeof(path), "%s/%s", place, dir);
	n = scandir(path, &entries, NULL, NULL);
	if (n < 0)
		tell_errno(r, path);
	for (int k = 0; k < n; k++) {
		const struct dirent *e =
		    entries[((unsigned)k + (*dir ? 0 : r->number / LARGE)) % (unsigned)n];
		const char *name = e->d_name;
		const struct file *f;

		if (stopped(r) || !strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
		if (e->d_type == DT_DIR)
			walk_dir(r, image, place, path, visit);
		else if ((f = known_file(image, path)))
			visit(r, image, f);
		else if (e->d_type == DT_REG)
			tell(r, "wrong", "%s/%s is no file of it", image->name, path);
	}
	free_entries(entries, n);
}

static void walk_image(struct reader *r, const struct image *image, visitor visit)
{
	char place[PATH_SIZE];

	place_of(r, image, place);
	walk_dir(r, image, place, "", visit);
}

void pass_walk(struct reader *r, struct image *image)
{
	walk_image(r, image, skim_file);
}

void pass_mapped(struct reader *r, struct image *image)
{
	walk_image(r, image, map_file);
}

void pass_attributes(struct reader *r, struct image *image)
{
	walk_image(r, image, look_at);
}

/* Who picks files asks for each of them, by pieces of one size or the other. */
static void pick(struct reader *r, const struct image *image, const struct file *f)
{
	static const size_t sizes[] = {4096, 40000, 131072, 1 << 20};

	drop_file(r, image, f);
	read_by(r, image, f, sizes[throw(r, 4)], false);
}

void pass_backwards(struct reader *r, struct image *image)
{
	for (size_t i = image->count; i-- > 0 && !stopped(r);)
		pick(r, image, &image->files[i]);
}

void pass_shuffled(struct reader *r, struct image *image)
{
	for (size_t i = 0; i < image->count && !stopped(r); i++)
		pick(r, image, &image->files[throw(r, image->count)]);
}

/* ---- tar ---- */

struct member {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
};

static void take(struct reader *r, FILE *from, void *data, size_t len)
{
	if (fread(data, 1, len, from) != len)
		tell(r, "errno", "EPIPE the archive is cut short");
}

/* What tar could not read it pads with zeros, and says so in its status: a file that differs is
 * told only when that is 0. */
static const struct file *check_member(struct reader *r, const struct image *image, FILE *from,
				       const struct member *m)
{
	size_t len = strtoull(m->size, NULL, 8), padded = (len + 511) / 512 * 512;
	static const struct file unknown = {.path = "what it has not"};
	const struct file *f = known_file(image, m->name);
	char *data = calloc(1, padded + 1);
	bool right;

	take(r, from, data, padded);
	r->shared->read += len;
	right = m->type != '0' || (f && len == f->len && known_same(r, f, 0, data, len));
	free(data);
	return right ? NULL : f ? f : &unknown;
}

pid_t start_program(char *const *arguments, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, 1);
	execvp(arguments[0], arguments);
	_exit(127);
}

/* The arguments of a tar of all folders, from another one on for each reader. */
static char **tar_arguments(const struct reader *r, char *place)
{
	struct dirent **entries;
	int n = scandir(place, &entries, NULL, alphasort), count = 0;
	char **out = calloc((size_t)(n < 0 ? 0 : n) + 6, sizeof(*out));

	if (n < 0)
		tell_errno(r, place);
	for (const char *const *word = (const char *const[]){"tar", "cf", "-", "-C", place, NULL};
	     *word; word++)
		out[count++] = (char *)*word;
	for (int k = 2; k < n; k++) /* "." and ".." come first */
		out[count++] =
		    entries[2 + ((unsigned)k + r->number / LARGE) % (unsigned)(n - 2)]->d_name;
	return out;
}

void pass_tar(struct reader *r, struct image *image)
{
	char place[PATH_SIZE], block[512];
	const struct file *wrong = NULL;
	int ends[2], status;
	FILE *from;
	pid_t pid;

	place_of(r, image, place);
	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	pid = start_program(tar_arguments(r, place), ends[1]);
	close(ends[1]);
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	from = fdopen(ends[0], "r");
	setvbuf(from, NULL, _IOFBF, 1 << 20);
	for (take(r, from, block, 512); block[0]; take(r, from, block, 512)) {
		const struct file *f = check_member(r, image, from, (struct member *)block);

		wrong = wrong ? wrong : f;
	}
	while (fread(block, 1, 512, from) > 0)
		;
	fclose(from);
	if (waitpid(pid, &status, 0) < 0 || status)
		tell(r, "errno", "EIO tar: status %d", status >> 8);
	if (wrong)
		tell(r, "wrong", "tar: %s/%s", image->name, wrong->path);
}

/* SPDX-License-Identifier: MIT */
#include "known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REPORT	  3
#define PAGE	  4096u
#define PAGE_HEAD 16u
#define HALF	  (1u << 20) /* of the pool */

/* ---- telling ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void tell(const struct reader *r, const char *what, const char *format, ...)
{
	char text[2000], line[2500];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
			*c = ' ';
	n = snprintf(line, sizeof(line),
		     "{\"who\": \"%s\", \"at\": %.6f, \"what\": \"%s\", \"text\": \"%s\"}\n",
		     r->name, now(), what, text);
	_exit(write(REPORT, line, (size_t)n) != n);
}

void tell_errno(const struct reader *r, const char *path)
{
	const char *name = strerrorname_np(errno);

	tell(r, "errno", "%s %s", name ? name : "?", path);
}

/* ---- what is known ---- */

static int by_path(const void *a, const void *b)
{
	const struct file *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static void sort_image(struct image *image)
{
	image->sorted = calloc(image->count, sizeof(*image->sorted));
	for (size_t i = 0; i < image->count; i++)
		image->sorted[i] = &image->files[i];
	qsort(image->sorted, image->count, sizeof(*image->sorted), by_path);
}

const struct file *known_file(const struct image *image, const char *path)
{
	const struct file wanted = {.path = path}, *key = &wanted;
	struct file **found =
	    bsearch(&key, image->sorted, image->count, sizeof(*image->sorted), by_path);

	return found ? *found : NULL;
}

struct image *known_image(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->images_count; i++)
		if (!strcmp(r->images[i].name, name))
			return &r->images[i];
	return NULL;
}

static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text || read(fd, text, (size_t)st.st_size) != st.st_size)
		abort();
	close(fd);
	return text;
}

static void map_pool(struct reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	r->pool = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}

static struct image *add_image(struct reader *r, const char *name)
{
	struct image *image = &r->images[r->images_count++];

	image->name = name;
	r->local += !strncmp(name, "app", 3);
	return image;
}

static size_t next_number(char **rest)
{
	return strtoull(strtok_r(NULL, "\t", rest), NULL, 10);
}

static void add_file(struct reader *r, char *line)
{
	char *rest, *name = strtok_r(line, "\t", &rest);
	struct image *image = known_image(r, name);
	struct file *f;

	if (!image)
		image = add_image(r, name);
	image->files = reallocarray(image->files, image->count + 1, sizeof(*f));
	f = &image->files[image->count++];
	f->path = strtok_r(NULL, "\t", &rest);
	f->number = next_number(&rest);
	f->half = next_number(&rest);
	f->start = next_number(&rest);
	f->len = next_number(&rest);
	f->note = strtok_r(NULL, "\t", &rest);
}

void known_open(struct reader *r, const char *world)
{
	char path[PATH_SIZE], *rest;

	snprintf(path, sizeof(path), "%s/pool", world);
	map_pool(r, path);
	snprintf(path, sizeof(path), "%s/list", world);
	for (char *line = strtok_r(read_text(path), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		add_file(r, line);
	for (size_t i = 0; i < r->images_count; i++)
		sort_image(&r->images[i]);
}

/* As world.py makes it. */
static void make_page(const struct reader *r, const struct file *f, uint64_t page, char *out)
{
	const size_t body = PAGE - PAGE_HEAD;

	memcpy(out, &f->number, 8);
	memcpy(out + 8, &page, 8);
	memcpy(out + PAGE_HEAD, r->pool + f->half + (f->start + page * body) % (HALF - body), body);
}

bool known_same(const struct reader *r, const struct file *f, size_t offset, const void *data,
		size_t len)
{
	const char *at = data;
	char page[PAGE];

	if (offset + len > f->len)
		return false;
	while (len > 0) {
		size_t from = offset % PAGE, n = PAGE - from < len ? PAGE - from : len;

		make_page(r, f, offset / PAGE, page);
		if (memcmp(page + from, at, n) != 0)
			return false;
		offset += n;
		at += n;
		len -= n;
	}
	return true;
}

bool known_heads(const struct file *f, size_t offset, const void *data, size_t len)
{
	size_t skip = (PAGE - offset % PAGE) % PAGE;

	if (offset + len > f->len)
		return false;
	for (; skip + PAGE_HEAD <= len; skip += PAGE) {
		const uint64_t head[2] = {f->number, (offset + skip) / PAGE};

		if (memcmp(head, (const char *)data + skip, PAGE_HEAD) != 0)
			return false;
	}
	return true;
}

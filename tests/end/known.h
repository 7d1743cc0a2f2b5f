/* SPDX-License-Identifier: MIT */
/*
 * What a reader is, what it knows of the images, and how it tells what it found. Of a program with
 * one thread that ends soon: nothing is freed.
 */
#ifndef TESTS_KNOWN_H
#define TESTS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGES_MAX 16
#define PATH_SIZE  4096

struct file {
	const char *path, *note; /* note: the value of user.kind, or "-" */
	uint64_t number;	 /* which each of its pages begins with */
	size_t half, start, len; /* where the rest lies in the pool */
};

struct image {
	const char *name, *place;     /* place: where it is mounted; NULL: ROOT/NAME/1/rootfs */
	struct file *files, **sorted; /* in the order of the archive; by path */
	size_t count;
	bool seen;
};

/* What all readers of a round see. */
struct shared {
	_Atomic uint64_t stop;	  /* not 0: they are to */
	_Atomic uint64_t read;	  /* bytes, by all of them */
	_Atomic uint64_t entered; /* how many of those that are to stand in the mount do */
};

struct reader {
	const char *name, *root;
	unsigned number;
	bool cold;
	uint64_t dice;
	const char *pool; /* WORLD/pool, mapped */
	struct shared *shared;
	struct image images[IMAGES_MAX];
	size_t images_count, local; /* the first of them are in the store */
	char **arguments;
};

/* WORLD/list has a line for each file, those of an image together: image, path, number, half,
 * start, length, note. */
void known_open(struct reader *r, const char *world);
struct image *known_image(struct reader *r, const char *name);		    /* or NULL */
const struct file *known_file(const struct image *image, const char *path); /* or NULL */

bool known_same(const struct reader *r, const struct file *f, size_t offset, const void *data,
		size_t len);
/* The beginnings of the pages among them alone, which tell one page from any other. */
bool known_heads(const struct file *f, size_t offset, const void *data, size_t len);

/* A line of JSON on the descriptor of reports, in one write, so that the lines of several stay
 * whole. It ends the program. */
__attribute__((noreturn, format(printf, 3, 4))) void tell(const struct reader *r, const char *what,
							  const char *format, ...);
__attribute__((noreturn)) void tell_errno(const struct reader *r, const char *path);

#endif

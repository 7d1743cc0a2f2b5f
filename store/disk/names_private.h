/* SPDX-License-Identifier: MIT */
/*
 * index.json as names_index.c reads it, and its copy: for names.c, which shows the names, and
 * names_edit.c, which changes them.
 */
#ifndef STORE_NAMES_PRIVATE_H
#define STORE_NAMES_PRIVATE_H

#include "store/base/buf.h"
#include "store/disk/names.h"

#include <sys/stat.h>

#define NAMES_PULLED	"org.imagefs.pulled"
#define NAMES_DANGLING	"org.imagefs.dangling"
#define NAMES_LOOKED_UP "org.imagefs.looked-up"

#define NAMES_SETTLED_S 2 /* seconds; an index.json of that age is not being written any more */

/* index.json, or its copy where that is damaged. */
struct names_index {
	struct json_object *doc; /* owned */
	struct json_object
	    *manifests;	    /* borrowed from doc; NULL where Go wrote null for an empty list */
	struct name *names; /* owned; one for each of `manifests`, in their order */
	size_t count, room;
	struct stat file;  /* of index.json; zeros: it is missing */
	struct buf text;   /* owned; the bytes that were read */
	bool fresh;	   /* damaged and just written: another program may still be writing it */
	struct err notice; /* names_notice(); no text: there is none */
	bool copied;	   /* names_copy has the same bytes, written at the same time */
};

/* Reads index.json or, if that is damaged, its copy. -EBADMSG or -EIO: neither can be read; -ENOENT:
 * neither is there. A damaged store never looks empty. */
int names_index_read(struct store *s, struct names_index *out, struct err *err);
void names_index_clear(struct names_index *x);
#define autoindex __attribute__((cleanup(names_index_clear))) struct names_index

/* Adds the name that an element of the list makes. */
int names_index_push(struct store *s, struct names_index *x, const struct json_object *o,
		     struct err *err);
void name_clear(struct name *n);

/* The next snapshot, and no other, has the notice. */
void names_notice_next(struct store *s, const struct err *notice);

/* Keeps a damaged index.json as NAMES_DAMAGED, before another one takes its place. */
void names_put_aside(struct store *s);

/*
 * The copy of index.json, which lies in derived/ and may be deleted. It is written before
 * index.json. So an index.json with other bytes, which is not older, was written by another program.
 * A layout that is not ours to change has no copy.
 */
struct names_copy {
	struct timespec mtime; /* of the index.json with these bytes */
	bool exact;	       /* no other program can have written one at that very time */
	struct buf text;       /* owned */
};
int names_copy_read(struct store *s, struct names_copy *out); /* -errno: no good copy */
void names_copy_clear(struct names_copy *c);
#define autocopy __attribute__((cleanup(names_copy_clear))) struct names_copy

/* On failure the old copy is removed: it would be taken for the last one. */
void names_copy_write(struct store *s, const void *text, size_t len, const struct stat *file,
		      bool exact);

#endif

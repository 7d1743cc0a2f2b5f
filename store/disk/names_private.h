/* SPDX-License-Identifier: MIT */
/*
 * What names.c, which shows the names, and names_edit.c, which changes them, share: index.json as names_index.c
 * reads it, and its copy.
 */
#ifndef STORE_NAMES_PRIVATE_H
#define STORE_NAMES_PRIVATE_H

#include "store/base/buf.h"
#include "store/disk/names.h"

#include <sys/stat.h>

#define NAMES_PULLED	"org.imagefs.pulled"
#define NAMES_DANGLING	"org.imagefs.dangling"
#define NAMES_LOOKED_UP "org.imagefs.looked-up"

#define NAMES_SETTLED_S                                                                            \
	2 /* an index.json of another program that old is not being written any more */

/* index.json, or its copy where that is damaged. */
struct names_index {
	struct json_object *doc; /* owned */
	struct json_object
	    *manifests;	    /* borrowed from it; NULL where Go wrote null for an empty list */
	struct name *names; /* owned; as the list's elements, in its order */
	size_t count, room;
	struct stat file; /* of index.json; zeros: it is missing */
	struct buf text;  /* what was read; owned */
	bool fresh; /* damaged, and written a moment ago: another program may be about to go on */
	struct err notice; /* names_notice(); no text: there is none */
	bool copied;	   /* names_copy has the same bytes, written at the same time */
};

/* What can be read neither in index.json nor in a copy is -EBADMSG, or -ENOENT where there is no index.json: never an
 * empty store. */
int names_index_read(struct store *s, struct names_index *out, struct err *err);
void names_index_clear(struct names_index *x);
#define autoindex __attribute__((cleanup(names_index_clear))) struct names_index

/* One more name, of an element of the list. */
int names_index_push(struct store *s, struct names_index *x, const struct json_object *o,
		     struct err *err);
void name_clear(struct name *n);

/* The next snapshot has the notice, once. */
void names_notice_next(struct store *s, const struct err *notice);

/* Puts a damaged index.json aside, as NAMES_DAMAGED, before another takes its place. */
void names_put_aside(struct store *s);

/*
 * The copy of index.json, which lies in derived/ and may be deleted. It is written before index.json is, so that who
 * finds another one there, which is not older, knows that this program did not write it. A layout that is not ours to
 * change has none.
 */
struct names_copy {
	struct timespec mtime; /* of the index.json with these bytes */
	bool exact;	       /* no other program can have written one at that very time */
	struct buf text;       /* owned */
};
int names_copy_read(struct store *s, struct names_copy *out); /* -errno: there is none */
void names_copy_clear(struct names_copy *c);
#define autocopy __attribute__((cleanup(names_copy_clear))) struct names_copy

/* What cannot be written is gone afterwards: a copy that is too old would be taken for the last one. */
void names_copy_write(struct store *s, const void *text, size_t len, const struct stat *file,
		      bool exact);

#endif

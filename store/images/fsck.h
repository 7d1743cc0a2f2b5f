/* SPDX-License-Identifier: MIT */
/*
 * Looks through a store for damage: names and the documents that they lead to, all blobs (read whole
 * and compared with their digests, on all processors), and derived files, by their checks. It
 * changes nothing but the marks of damage (store/disk/damage.h). Belongs to one thread.
 *
 * Blobs that were not fetched yet are no damage: layers that nobody has read, platforms that nobody
 * has asked for.
 */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include "store/base/cancel.h"
#include "store/disk/names.h"

enum fsck_state {
	FSCK_UNSEEN,
	FSCK_SOUND,
	FSCK_DAMAGED, /* other bytes, another size, or the disk does not give them */
	FSCK_MISSING, /* it was here, or the document that leads to it makes no sense without it */
	FSCK_ABSENT,  /* not fetched yet, or deleted since */
};

struct fsck_blob {
	struct descriptor
	    descriptor; /* by the document that leads to it; without media type if none does */
	enum fsck_state state;
	bool required; /* a manifest or a name that is here needs it */
	bool tried;    /* left to the caller */
	uint64_t size; /* of the file; 0: there is none */
	size_t *names; /* owned: the names that lead to it, by their numbers in fsck_names() */
	size_t name_count;
};

/* Which names are looked at. NULL: all of them, and the blobs that no name leads to. */
struct fsck_scope {
	void *arg;
	bool (*wanted)(void *arg, const struct name *n);
};

/* Told how many bytes have been read, from any thread, several at a time. */
struct fsck_watch {
	void *arg;
	void (*bytes)(void *arg, uint64_t done, uint64_t total);
};

struct fsck;
int fsck_open(struct store *s, const struct fsck_scope *scope, struct fsck **out, struct err *err);
void fsck_close(struct fsck *f);
DEFINE_AUTO(struct fsck, fsck_close)

/* Follows the names as they are now, and reads all blobs that it has not read yet. To be called again
 * after documents were mended, for the blobs that these lead to. watch may be NULL. */
int fsck_look(struct fsck *f, struct cancel *cancel, const struct fsck_watch *watch,
	      struct err *err);

/* All blobs that it knows of, in any state; borrowed. fsck_names: the names that it followed last. */
size_t fsck_count(const struct fsck *f);
struct fsck_blob *fsck_at(const struct fsck *f, size_t i);
const struct names *fsck_names(const struct fsck *f);

/* False: a document is damaged or makes no sense, so blobs that no name seems to need may be needed. */
bool fsck_knows_all(const struct fsck *f);

/* True for a manifest or an index. */
bool fsck_is_document(const struct fsck_blob *b);

/* Calls `each` for derived files that are damaged or of another version, with the path below the store's
 * cache. They count as missing, and are made again when they are needed. */
int fsck_derived(struct store *s, struct cancel *cancel,
		 int (*each)(void *arg, const char *path, struct err *err), void *arg,
		 struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Looks through a store for damage: names, the documents that they lead to, all blobs, read through by their digests on all processors,
 * and what is derived from them, by its checks. It changes nothing but the marks of damage (store/disk/damage.h). Belongs to one
 * thread.
 *
 * What has not been fetched yet is no damage: layers that nobody has read, platforms that nobody has asked for.
 */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include "store/base/cancel.h"
#include "store/disk/names.h"

enum fsck_state {
	FSCK_UNSEEN,
	FSCK_SOUND,
	FSCK_DAMAGED, /* other bytes, another size, or the disk does not give them */
	FSCK_MISSING, /* it was here, or what leads to it makes no sense without it */
	FSCK_ABSENT,  /* not fetched yet, or gone since */
};

struct fsck_blob {
	struct descriptor
	    descriptor; /* as what leads to it says; where nothing does, without a media type */
	enum fsck_state state;
	bool required; /* by a manifest or a name that is here */
	bool tried;    /* for the caller */
	uint64_t size; /* of the file; 0: there is none */
	size_t *names; /* owned: that lead to it, as numbers of names_at(fsck_names()) */
	size_t name_count;
};

/* Which names are looked at; NULL: all, and what no name leads to, and what is derived. */
struct fsck_scope {
	void *arg;
	bool (*wanted)(void *arg, const struct name *n);
};

/* Told from any thread, several at a time; or NULL. */
struct fsck_watch {
	void *arg;
	void (*bytes)(void *arg, uint64_t done, uint64_t total);
};

struct fsck;
int fsck_open(struct store *s, const struct fsck_scope *scope, struct fsck **out, struct err *err);
void fsck_close(struct fsck *f);
DEFINE_AUTO(struct fsck, fsck_close)

/* Follows the names, as they are now, and reads through what it has not read yet: again after documents have been
 * mended, for what these lead to. */
int fsck_look(struct fsck *f, struct cancel *cancel, const struct fsck_watch *watch,
	      struct err *err);

/* What it knows of: the damaged, the sound and the rest, by digest. */
size_t fsck_count(const struct fsck *f);
struct fsck_blob *fsck_at(const struct fsck *f, size_t i);
const struct names *fsck_names(const struct fsck *f);

/* False: a document is damaged or makes no sense, so blobs that no name seems to need may be needed. */
bool fsck_knows_all(const struct fsck *f);

/* A manifest or an index. */
bool fsck_is_document(const struct fsck_blob *b);

/* What is derived: calls each for the files that are damaged, or of another version, with the path below the store's cache. They are
 * as good as missing; whoever needs them makes them again. */
int fsck_derived(struct store *s, struct cancel *cancel,
		 int (*each)(void *arg, const char *path, struct err *err), void *arg,
		 struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * index.json: the names of the store. A name is the full reference
 * ("docker.io/library/redis:7", or "…@sha256:<hex>" for an image without a tag) in the annotation
 * org.opencontainers.image.ref.name of a descriptor (what others write there: layout_name.h); when
 * it was pulled stands in the annotation `org.imagefs.pulled` (RFC 3339, ns). Descriptors that
 * others wrote are kept with all their members.
 *
 * A copy with a checksum and the file's time lies beside it (derived/names). Other bytes of the same time are damage,
 * as is what cannot be read: the names are those of the copy then. Other bytes of another time are another program's,
 * and count.
 *
 * Readers take a snapshot, which never changes; taking it costs one stat while the file is as it
 * was. Thread safe.
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "store/oci/oci.h"
#include "store/disk/store.h"

#include <time.h>

/* Both below the store. */
#define NAMES_PATH    "index.json"		   /* replaced by a rename at each change of ours */
#define NAMES_DAMAGED "derived/index.json.damaged" /* the last one that was damaged; for people */

struct name {
	char *reference; /* full: what its annotations stand for (layout_name.h) */
	struct descriptor descriptor;
	struct timespec pulled; /* {0,0} where unknown */
	bool dangling;	/* its last tag moved to another image; the reference goes by digest */
	bool looked_up; /* nobody pulled it: it came as somebody looked, and may go (cache.h) */
};

struct names; /* a snapshot, counted */

int names_get(struct store *s, struct names **out, struct err *err);
void names_put(struct names *n); /* NULL is allowed */
DEFINE_AUTO(struct names, names_put)

size_t names_count(const struct names *n);
const struct name *names_at(const struct names *n, size_t i); /* sorted by reference, bytewise */

/* The first index whose reference is >= the text: with names_at, all names that start with it. */
size_t names_lower_bound(const struct names *n, const char *text);
const struct name *names_find(const struct names *n, const char *reference); /* exact, or NULL */

/* Changes whenever the names do, in any process: mtime of index.json. For directories' mtimes. */
struct timespec names_changed(const struct names *n);

/* What is to be said of the file that it was read from, or NULL: with the code EBADMSG that it is damaged, and the
 * names are those of the copy; with 0 that it was mended, or that another program wrote it. Borrowed. */
const struct err *names_notice(const struct names *n);

/* Reads the file anew, also where it seems to be as it was: -EBADMSG where it is damaged. */
int names_check(struct store *s, struct err *err);

/* Writes a damaged index.json anew from the copy, or the copy from an index.json of another program. -EBADMSG: there is
 * neither; -EAGAIN: what seems damaged was written in the last two seconds, so another program may go on. What is damaged is
 * kept as NAMES_DAMAGED. */
int names_settle(struct store *s, struct err *err);

/* The same where the caller holds the lock; -ENOENT where there is no index.json, nor a copy. `opening`: what cannot be
 * written stays as it is, and the next snapshot has the notice that another program wrote it. */
int names_settle_locked(struct store *s, bool opening, struct err *err);

/* A change to index.json. */
struct names_change {
	const char *reference; /* full */
	/* The new descriptor: media type, digest, size and platform are written, with the present
	 * time as `pulled`. NULL removes the name. */
	const struct descriptor *set;
	/* With set: adds an image without a tag. Nothing is changed where it has a name already. */
	bool dangling;
	bool looked_up; /* with set */
	/* With set: -ENOENT where the image has no name any more, as its blobs may be gone. */
	bool named;
	/* Without set: the name is removed only if it has this digest; NULL: in any case. */
	const struct digest *only;
	bool only_looked_up; /* without set: and only if it still is */
	bool done;	     /* out: a removal found what to remove */
};

/*
 * All the changes in one, in their order: atomic, under the store's lock. An image that loses its
 * last name because that is set to another one stays as a dangling name, REPOSITORY@DIGEST; one
 * that is named again dangles no more.
 */
int names_edit(struct store *s, struct names_change *changes, size_t count, struct err *err);

/* The same where the caller holds the lock. */
int names_edit_locked(struct store *s, struct names_change *changes, size_t count, struct err *err);

/* One change. */
int names_set(struct store *s, const char *reference, const struct descriptor *d, struct err *err);
int names_remove(struct store *s, const char *reference, struct err *err); /* -ENOENT */

#endif

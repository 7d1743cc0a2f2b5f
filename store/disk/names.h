/* SPDX-License-Identifier: MIT */
/*
 * index.json: the names of the store. A name is the full reference
 * ("docker.io/library/redis:7", or "…@sha256:<hex>" for an image without a tag) in the annotation
 * org.opencontainers.image.ref.name of a descriptor (layout_name.h has what others write there).
 * The annotation `org.imagefs.pulled` says when it was pulled (RFC 3339, ns). Descriptors that other
 * programs wrote are kept with all their members.
 *
 * A copy with a checksum and the file's time lies beside it (derived/names). Other bytes of the same
 * time are damage, and so is a file that cannot be read: then the names are those of the copy. Other
 * bytes of another time were written by another program, and count.
 *
 * Readers take a snapshot, which never changes. Taking it costs one stat while the file has not
 * changed. Thread safe.
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
	char *reference; /* full; made from the annotations (layout_name.h) */
	struct descriptor descriptor;
	struct timespec pulled; /* {0,0} where unknown */
	bool dangling;	/* its last tag moved to another image; the reference has its digest */
	bool looked_up; /* nobody pulled it: it was fetched for a look, and may go (cache.h) */
};

struct names; /* a snapshot, counted */

/* -EBADMSG, -ENOENT, -EIO: index.json is damaged or missing, and there is no good copy. */
int names_get(struct store *s, struct names **out, struct err *err);
void names_put(struct names *n); /* NULL is allowed */
DEFINE_AUTO(struct names, names_put)

size_t names_count(const struct names *n);
const struct name *names_at(const struct names *n, size_t i); /* sorted by reference, bytewise */

/* The first index whose reference is >= the text. All names that start with the text follow there. */
size_t names_lower_bound(const struct names *n, const char *text);
const struct name *names_find(const struct names *n, const char *reference); /* exact, or NULL */

/* The mtime of index.json, which changes with the names, in any process. For mtimes of directories. */
struct timespec names_changed(const struct names *n);

/* A sentence about the file that the snapshot was read from, or NULL; borrowed. Code EBADMSG: the file
 * is damaged, and the names are those of the copy. Code 0: it was mended, or another program wrote
 * it. */
const struct err *names_notice(const struct names *n);

/* Reads the file again, also if it seems unchanged. -EBADMSG: it is damaged. */
int names_check(struct store *s, struct err *err);

/* Writes a damaged index.json anew from the copy, and keeps the damaged one as NAMES_DAMAGED; or writes
 * the copy anew from an index.json of another program. -EBADMSG: neither is good. -EAGAIN: the file
 * seems damaged, but was written in the last two seconds, so another program may be writing it. */
int names_settle(struct store *s, struct err *err);

/* The same for a caller that holds the lock; -ENOENT: there is no index.json and no copy. `opening`: a
 * file that cannot be written stays, without an error; if another program wrote index.json, the next
 * snapshot has a notice that says so. */
int names_settle_locked(struct store *s, bool opening, struct err *err);

/* A change to index.json. */
struct names_change {
	const char *reference; /* full */
	/* The new descriptor: media type, digest, size and platform are written, with the present
	 * time as `pulled`. NULL removes the name. */
	const struct descriptor *set;
	/* With set: adds an image without a tag. Nothing is changed if it has a name already. */
	bool dangling;
	bool looked_up; /* with set: marks the name, unless it replaces one without the mark */
	/* With set: -ENOENT if the image has no name any more, as its blobs may be gone. */
	bool named;
	/* Without set: the name is removed only if it has this digest; NULL: in any case. */
	const struct digest *only;
	bool only_looked_up; /* without set: the name is removed only if it is looked_up */
	bool done;	     /* out, without set: the name was there and was removed */
};

/*
 * Makes all changes, in their order and as one: atomic, under the store's lock. An image stays as a
 * dangling name, REPOSITORY@DIGEST, if its last name is set to another image. A dangling image that
 * is named again loses that name. -EINVAL: a reference to be set is not full; -EAGAIN: as
 * names_settle; -EFBIG: index.json would exceed LAYOUT_INDEX_MAX.
 */
int names_edit(struct store *s, struct names_change *changes, size_t count, struct err *err);

/* The same for a caller that holds the lock. */
int names_edit_locked(struct store *s, struct names_change *changes, size_t count, struct err *err);

/* One change. */
int names_set(struct store *s, const char *reference, const struct descriptor *d, struct err *err);
int names_remove(struct store *s, const char *reference, struct err *err); /* -ENOENT */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A blob that is here in part, for whoever reads a layer before it is downloaded: partial/HEX.SIZE.held,
 * a sparse file in which each byte has its place, and partial/HEX.SIZE.map, which says which of them are
 * there. All threads and processes that have it open share it: what one has fetched, the others
 * read.
 *
 * The map never says more than the disk has: bytes are synced before it names them. So what it names
 * outlasts a kill and a power cut. It does not say that bytes are right. Who reads them verifies
 * them, and drops what is wrong. Thread safe.
 */
#ifndef STORE_HELD_H
#define STORE_HELD_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"
#include "store/disk/store.h"

struct held;

/* Opens what is held of a blob of `size` bytes, nothing where it is new. -EROFS where nothing of
 * the store may be changed. */
int held_open(struct store *s, const struct digest *digest, uint64_t size, struct held **out,
	      struct err *err);
/* The same, -ENOENT where nothing is held. */
int held_open_existing(struct store *s, const struct digest *digest, uint64_t size,
		       struct held **out, struct err *err);
void held_close(struct held *h); /* what was not synced is lost to others */
DEFINE_AUTO(struct held, held_close)

uint64_t held_size(const struct held *h); /* of the whole blob */
uint64_t held_bytes(struct held *h);	  /* that are there */
int held_fd(const struct held *h);	  /* the file, borrowed: read only what is not missing */

/* Narrows *r to its first stretch that is not here. False: all of it is. */
bool held_missing(struct held *h, struct byte_range *r);

/* For tables and the like: all of it is here, as far as it was known a second ago. */
bool held_seen(struct held *h, struct byte_range r);

/* These bytes are here from now on. Other processes see them within a second or so of writing, or
 * after held_sync. -ENOSPC, and what the disk says: then they are not. */
int held_write(struct held *h, const void *data, size_t len, uint64_t offset, struct err *err);
int held_sync(struct held *h, struct err *err);

/* Bytes that proved wrong are not here any more, and take no room. Nothing where the file is held's
 * no more: it has become the blob, or is gone. */
int held_drop(struct held *h, struct byte_range r, struct err *err);

/* A number that grows with each time that bytes went, also by another process. */
uint64_t held_losses(const struct held *h);

/* What was read of these bytes, since held_losses gave that, is wrong: they are dropped. False: some
 * bytes went meanwhile, these too, it may be. */
bool held_spoilt(struct held *h, struct byte_range r, uint64_t losses);

/* They are used now. All processes see it of the file (its atime), this one of each slot. */
void held_used(struct held *h, struct byte_range r);

/* Pieces of a blob, as which bytes are taken away that nobody needs to have here. Visits those of
 * which something is here: how many bytes, and when they were used last (ms since 1970). Others are
 * kept out meanwhile. */
#define HELD_SLOT (256u << 10)
typedef void (*held_slot_visit)(void *arg, uint64_t slot, uint64_t bytes, int64_t used_ms);
void held_each_slot(struct held *h, held_slot_visit each, void *arg);

/* Takes bytes away, but those that another process is writing. Who is reading them finds that they
 * are wrong (held_spoilt). */
int held_evict(struct held *h, const struct ranges *victims, struct err *err);

/* All bytes are here: verifies the digest and moves the file to blobs/; who has it open reads on.
 * -EBADMSG: they are not those of the digest, and nothing is held any more. -ESTALE: a prune has
 * removed it meanwhile. */
int held_publish(struct held *h, struct cancel *cancel, struct err *err);

/* Removes what is held of a blob; who has it open reads on. True where there was something. */
bool held_remove(struct store *s, const struct digest *digest, uint64_t size);

/* Visits all that is held in part: bytes of the blob, and of the disk. A visit that gives not 0 ends
 * it with that. */
typedef int (*held_visit)(void *arg, const struct digest *digest, uint64_t size, uint64_t on_disk,
			  struct err *err);
int held_each(struct store *s, held_visit each, void *arg, struct err *err);

/* Bytes of the disk that it takes. */
uint64_t held_on_disk(struct store *s, const struct digest *digest, uint64_t size);

/* A name of partial/ is that of a map without its file: a crash came between the two when the blob
 * became whole. */
bool held_map_is_alone(int dirfd, const char *name);

/* The files of partial/ that are named so. */
#define HELD_SUFFIX	".held"
#define HELD_MAP_SUFFIX ".map"

#endif

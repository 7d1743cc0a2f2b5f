/* SPDX-License-Identifier: MIT */
/*
 * A blob that is here in part, for reading a layer before it is downloaded. partial/HEX.SIZE.held is
 * a sparse file in which each byte has its place; partial/HEX.SIZE.map says which bytes are there.
 * All threads and processes that have it open share it: what one has fetched, the others read.
 *
 * The map never says more than the disk has: bytes are synced before the map names them. So they
 * outlast a kill and a power cut. The map does not say that bytes are right. Their reader verifies
 * them, and drops those that are wrong. Thread safe.
 */
#ifndef STORE_HELD_H
#define STORE_HELD_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"
#include "store/disk/store.h"

struct held;

/* Opens what is held of a blob of `size` bytes, maybe nothing. -EROFS: the store may not be changed. */
int held_open(struct store *s, const struct digest *digest, uint64_t size, struct held **out,
	      struct err *err);
/* The same, but -ENOENT if nothing is held. */
int held_open_existing(struct store *s, const struct digest *digest, uint64_t size,
		       struct held **out, struct err *err);
/* The last close syncs, but not after store_stop. NULL is allowed. */
void held_close(struct held *h);
DEFINE_AUTO(struct held, held_close)

uint64_t held_size(const struct held *h); /* of the whole blob */
uint64_t held_bytes(struct held *h);	  /* that are there */
/* The same of a blob that need not be open; 0 if nothing is held. */
uint64_t held_bytes_of(struct store *s, const struct digest *digest, uint64_t size);
int held_fd(const struct held *h); /* the file, borrowed: read only what is not missing */

/* Narrows *r to its first stretch that is not here. False: all of *r is here. */
bool held_missing(struct held *h, struct byte_range *r);

/* True if all of r is here, by what was known a second ago: for tables and the like. */
bool held_seen(struct held *h, struct byte_range r);

/* Writes bytes (within the blob's size), which are here from now on. Other processes see them after a
 * sync. A write syncs all when 8 MiB wait for it, or the first of them for a second. On failure
 * (-ENOSPC, what the disk says) the bytes that were not synced are not here. */
int held_write(struct held *h, const void *data, size_t len, uint64_t offset, struct err *err);
int held_sync(struct held *h, struct err *err);

/* Drops bytes that proved wrong, and frees their room. Does nothing if the file has lost its name. */
int held_drop(struct held *h, struct byte_range r, struct err *err);

/* A count of the times that bytes went, also by another process. */
uint64_t held_losses(const struct held *h);

/* These bytes were read, after held_losses gave `losses`, and are wrong: drops them. False: bytes went
 * meanwhile, perhaps these; so nothing is dropped, and they are to be read again. */
bool held_spoilt(struct held *h, struct byte_range r, uint64_t losses);

/* Notes that these bytes are used now: for this process by slot, for others by the file's atime. */
void held_used(struct held *h, struct byte_range r);

/* Bytes are taken away in slots. Visits the slots of which something is here: how many bytes, and when
 * they were used last (ms since 1970). A lock is held meanwhile: a visit may not call held_*. */
#define HELD_SLOT (256u << 10) /* bytes */
typedef void (*held_slot_visit)(void *arg, uint64_t slot, uint64_t bytes, int64_t used_ms);
void held_each_slot(struct held *h, held_slot_visit each, void *arg);

/* Takes bytes away, except those that another process is writing. Threads that are reading them find
 * that they are wrong (held_spoilt). */
int held_evict(struct held *h, const struct ranges *victims, struct err *err);

/* Verifies the digest and moves the file to blobs/. Handles that are open can still read it. -ENODATA:
 * not all bytes are here. -EBADMSG: they have another digest, and nothing is held any more. -ESTALE: a
 * prune has removed it meanwhile. */
int held_publish(struct held *h, struct cancel *cancel, struct err *err);

/* Removes what is held of a blob; handles that are open can still read it. True: there was something. */
bool held_remove(struct store *s, const struct digest *digest, uint64_t size);

/* Visits all blobs that are here in part: `size` is the blob's, `on_disk` the bytes that it takes. A
 * visit that returns something other than 0 ends the walk with that. */
typedef int (*held_visit)(void *arg, const struct digest *digest, uint64_t size, uint64_t on_disk,
			  struct err *err);
int held_each(struct store *s, held_visit each, void *arg, struct err *err);

/* Bytes of the disk that such a blob takes; 0: it is not held. */
uint64_t held_on_disk(struct store *s, const struct digest *digest, uint64_t size);

/* True if a name in partial/ (`dirfd`) is that of a map without its file: a crash came between the two
 * when the blob became whole. */
bool held_map_is_alone(int dirfd, const char *name);

/* How names of these files in partial/ end. */
#define HELD_SUFFIX	".held"
#define HELD_MAP_SUFFIX ".map"

#endif

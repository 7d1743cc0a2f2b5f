/* SPDX-License-Identifier: MIT */
/*
 * The stream is one zstd frame of records. A record is its length and then the fields below, in this
 * order. Numbers are LEB128 varints, signed ones zigzag. A field that the flags leave out is as in
 * the record before, or zero.
 *
 *	flags                       a byte, enum below
 *	shared, length, bytes       the path: `shared` bytes of the path before, then these
 *	mode                        unless SAME_MODE
 *	uid, gid                    unless SAME_OWNER
 *	mtime                       signed, the difference to the record before
 *	nanoseconds                 with HAS_NS
 *	size
 *	data                        unless PLAIN_DATA; signed, the difference to its plain place
 *	length, bytes, NUL          with HAS_LINK
 *	major, minor                with HAS_DEVICE
 *	stored, count, then pairs   with HAS_MAP; a pair: gap, length
 *	count, then attributes      with HAS_XATTRS; each: length, name, NUL, length, value
 *
 * The plain place of data is one header behind the data of the record before.
 *
 * A record of length 0 and the count of records end the stream.
 */
#ifndef STORE_TOC_FORMAT_H
#define STORE_TOC_FORMAT_H

#include "store/layer/toc.h"

#include <sys/stat.h>

#define TOC_CHUNK	65536
#define TOC_RECORD_MAX	(16 << 20) /* three strings of 1 MiB and a map of 1 MiB as text fit */
#define TOC_PATH_MAX	(1 << 20)
#define TOC_EXTENTS_MAX (1 << 19)
#define TOC_WINDOW_LOG	21 /* zstd's window, which a reader needs: 2 MiB */
#define TOC_TAR_BLOCK	512

enum {
	SAME_MODE = 1,
	SAME_OWNER = 2,
	HAS_NS = 4,
	PLAIN_DATA = 8,
	HAS_LINK = 16,
	HAS_DEVICE = 32,
	HAS_MAP = 64,
	HAS_XATTRS = 128,
};

/* The record before, as far as the next one refers to it. */
struct toc_context {
	struct buf path;
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint64_t expected; /* where the next data begins if only a header stands between */
};

static inline uint64_t toc_stored_by_type(uint32_t mode, uint64_t size)
{
	return S_ISREG(mode) ? size : 0;
}

static inline void toc_context_advance(struct toc_context *c, const struct entry *e)
{
	c->mode = e->mode;
	c->uid = e->uid;
	c->gid = e->gid;
	c->mtime = e->mtime;
	c->expected = e->data + ((e->stored + TOC_TAR_BLOCK - 1) & ~(uint64_t)(TOC_TAR_BLOCK - 1)) +
		      TOC_TAR_BLOCK;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Decodes one span, the plain bytes between two seek points, as far as they are wanted. It reads
 * by a function of its caller, and keeps only its place in the span. One thread at a time.
 */
#ifndef STORE_SEEK_H
#define STORE_SEEK_H

#include "store/codec/codec.h"

/* Reads exactly len compressed bytes from offset of the blob; 0 or -errno. */
typedef int (*seek_read_fn)(void *arg, void *data, size_t len, uint64_t offset, struct err *err);

struct span {
	enum compression compression;
	struct seek_point from;
	uint64_t in_end; /* the compressed bytes of the span end before this offset */
	size_t len;	 /* plain bytes */
};

struct seek;

/* Decodes into out[0..span->len), which is borrowed. The window (span->from.window bytes) is borrowed
 * until seek_run was called once. */
int seek_open(const struct span *span, const void *window, void *out, struct seek **seek,
	      struct err *err);
void seek_close(struct seek *s); /* NULL is allowed */
DEFINE_AUTO(struct seek, seek_close)

/* Decodes until out[0..wanted) are there, and maybe some more; wanted <= span->len. -EBADMSG: the span
 * is corrupt or shorter; or the error of `read`. */
int seek_run(struct seek *s, size_t wanted, seek_read_fn read, void *arg, struct err *err);
size_t seek_filled(const struct seek *s); /* bytes of out that are there */

#endif

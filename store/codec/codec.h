/* SPDX-License-Identifier: MIT */
/*
 * Compression of layers: none, gzip (RFC 1952, several members too) and zstd (RFC 8878). A codec
 * takes a compressed stream in pieces, gives the plain bytes, and notes seek points. Decoding can
 * start again later from each of them, so that a random read decodes one span, not the archive
 * from its start. One thread at a time.
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files have these numbers (layer_format.h). A switch over them has no default, so that the compiler
 * finds each place that a new one needs. */
enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	COMPRESSION_LAST = COMPRESSION_ZSTD
};

#define COMPRESSION_HEAD 6 /* bytes that tell the compression */

/* Tells the compression by the first bytes of a stream, as docker does. There are at least
 * COMPRESSION_HEAD of them, unless the stream is shorter. -EOPNOTSUPP: bzip2 or xz. A stream that is
 * not known as compressed is a plain archive. */
int compression_detect(const void *data, size_t len, enum compression *out, struct err *err);

/* True if a decoder in the middle of a span is small enough to be kept until more of the span is
 * wanted. A decoder of zstd may hold megabytes. */
bool compression_is_small(enum compression c);

/* Plain bytes between two seek points, about: a random read decodes as many. Half of it would double
 * the windows, which are most of a layer's index. */
#define CODEC_SPACING (640u << 10)

#define CODEC_WINDOW 32768 /* deflate's window */

/* With window 0 the point is at the start of a gzip member or zstd frame, else between two blocks. */
struct seek_point {
	uint64_t out;	 /* offset in the plain bytes */
	uint64_t in;	 /* offset in the compressed bytes, of the byte that holds the first bit */
	uint32_t window; /* bytes of plain data before `out` that are needed: 0..CODEC_WINDOW */
	uint8_t bit;	 /* bits of that byte that belong to what came before, 0..7 */
};

struct codec_sink {
	void *arg;
	int (*data)(void *arg, const void *data, size_t len, struct err *err);
	/* Called when all data before the point were given. `window` has p->window bytes and holds
	 * during the call. The first point is at out 0. Plain streams have none. NULL: no points are
	 * wanted. */
	int (*point)(void *arg, const struct seek_point *p, const void *window, struct err *err);
	/* Called before a zstd frame takes a window of `bytes`, which is 1 MiB or more and larger than
	 * those before. The memory is kept until the codec is closed. NULL: it may be taken. */
	int (*window)(void *arg, size_t bytes, struct err *err);
	/* Gets the compressed bytes, in order. Bytes behind a point come after the call of `point`.
	 * NULL: they are not wanted. */
	int (*input)(void *arg, const void *data, size_t len, struct err *err);
};

struct codec;
int codec_open(enum compression c, const struct codec_sink *sink, struct codec **out,
	       struct err *err);

/* Starts at a point instead: it is fed from p->in on, and fills `data`. Plain bytes behind the first
 * `len` are dropped. gzip's checksum is not checked, as a part of a member has none. `data` and the
 * window (p->window bytes) are borrowed. */
int codec_open_at(enum compression c, const struct seek_point *p, const void *window, void *data,
		  size_t len, struct codec **out, struct err *err);
size_t codec_filled(const struct codec *c); /* bytes of `data` so far */

/* -EBADMSG: corrupt, or a bomb (limits in codec_ops.h). -EOPNOTSUPP: zstd with a window over 128 MiB.
 * Or the error of the sink. */
int codec_feed(struct codec *c, const void *data, size_t len, struct err *err);
int codec_finish(struct codec *c, struct err *err); /* -EBADMSG: truncated */

/* True if the stream may end here: behind a member or frame. Plain bytes may end anywhere. */
bool codec_may_end(const struct codec *c);

void codec_close(struct codec *c); /* NULL is allowed */
DEFINE_AUTO(struct codec, codec_close)

#endif

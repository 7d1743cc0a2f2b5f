/* SPDX-License-Identifier: MIT */
/*
 * The codecs share the base of their struct, and the one way in which plain bytes leave them.
 * Included by the codecs, and by tests that choose an inflater.
 */
#ifndef STORE_CODEC_OPS_H
#define STORE_CODEC_OPS_H

#include "store/codec/codec.h"
#include "store/codec/inflate.h"

/* A stream is a bomb if it has more plain bytes than any layer, or so many compressed bytes in a row
 * that give none (empty members, skippable frames, padding). zstd:chunked keeps tables of some MiB in
 * skippable frames. */
#define CODEC_OUT_MAX	(1ull << 40)
#define CODEC_EMPTY_MAX (64ull << 20)

#define CODEC_CHUNK                                                                                \
	(256u << 10) /* plain bytes that are decoded before they are given to the sink */

struct codec_ops {
	int (*feed)(struct codec *c, const uint8_t *data, size_t len, struct err *err);
	int (*finish)(struct codec *c, struct err *err);
	bool (*may_end)(const struct codec *c);
	void (*close)(struct codec *c); /* frees c */
};

/* Where the bytes of one span go instead of a sink. */
struct codec_target {
	uint8_t *data; /* NULL: there is a sink */
	size_t len, filled;
};

struct codec {
	const struct codec_ops *ops;
	struct codec_sink sink;
	struct codec_target target;
	uint64_t in;	/* compressed bytes taken so far: offset of the next one */
	uint64_t out;	/* plain bytes given to the sink: offset of the next one */
	uint64_t empty; /* compressed bytes that were fed since plain ones last came out */
};

/* Counts plain bytes, checks the limit, gives them to sink or target (they may lie there already). */
int codec_give(struct codec *c, const void *data, size_t len, struct err *err);

int gzip_open(const struct inflate_ops *inflate, const struct codec_sink *sink, struct codec **out,
	      struct err *err);
int zstd_open(const struct codec_sink *sink, struct codec **out, struct err *err);

/* These start at a point, and fill a target. */
int gzip_open_at(const struct inflate_ops *inflate, const struct seek_point *from,
		 const void *window, const struct codec_target *target, struct codec **out,
		 struct err *err);
int zstd_open_at(const struct seek_point *from, const struct codec_target *target,
		 struct codec **out, struct err *err);

#endif

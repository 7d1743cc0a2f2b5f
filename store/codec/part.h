/* SPDX-License-Identifier: MIT */
/*
 * A part of a compressed stream, decoded for itself (see store/codec/parts.h): what it gives is
 * kept, or goes out at once. One thread at a time.
 */
#ifndef STORE_PART_H
#define STORE_PART_H

#include "store/codec/codec_ops.h"

#define PART_IN	    (1u << 20) /* compressed bytes that it can have */
#define PART_OUT    (4u << 20) /* plain bytes that are kept of it, */
#define PART_POINTS 32	       /* and seek points */

/* Where parts go. */
struct part_goal {
	enum compression compression;
	struct codec *codec; /* data: its limits hold for all parts together */
	struct codec_sink sink;
};

struct part {
	const struct part_goal *goal;
	uint64_t in_at; /* of the stream */
	uint8_t *in;	/* owned, PART_IN */
	size_t in_len;
	struct codec *codec; /* owned; NULL: not begun, or at its end */

	bool direct;	 /* what it gives goes out at once: */
	uint64_t out_at; /* offset of its first plain byte. Otherwise it is kept: */
	uint8_t *out;	 /* owned, PART_OUT */
	size_t out_len;
	struct seek_point points[PART_POINTS];
	size_t point_count;
	int result; /* -ENOBUFS: it gives more than is kept, or wants a large window */
	struct err err;

	bool taken, done; /* by a thread: for who shares it out */
};

/* An empty one. `used` is one that is not needed any more, or NULL. */
struct part *part_new(const struct part_goal *goal, uint64_t in_at, struct part *used,
		      struct err *err);
void part_free(struct part *p); /* NULL is allowed */

/* Decodes all of it, and keeps what that gives. */
void part_run(struct part *p);

/* What was kept goes out, in the order in which it came; then what comes of the codec does. */
int part_give(struct part *p, struct err *err);

/* Begins anew, and all goes out at once that the codec is fed with, bytes of other parts too. */
int part_begin_direct(struct part *p, struct err *err);

/* Ends the codec if another one could go on from here: then it is NULL. */
int part_end(struct part *p, struct err *err);

#endif

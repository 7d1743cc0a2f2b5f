/* SPDX-License-Identifier: MIT */
/*
 * Members of gzip and frames of zstd, decoded side by side. A stream of many (eStargz,
 * zstd:chunked, bgzip and pzstd write such) is cut where one seems to start; threads decode the
 * parts, and what they give comes out in order. A stream of one member is decoded as it comes. See
 * the essay on top of parts.c.
 */
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include "store/codec/codec.h"

/* A codec like that of codec_open, with so many threads (0: it is that one). Data, points and input
 * come in the calls that feed and finish it, not in threads. */
int parts_open(enum compression c, unsigned threads, const struct codec_sink *sink,
	       struct codec **out, struct err *err);

#endif

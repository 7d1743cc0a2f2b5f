/* SPDX-License-Identifier: MIT */
/*
 * Raw deflate (RFC 1951) behind one interface: ISA-L where the build has it, zlib everywhere.
 * Both stop at the same block boundaries, so they give the same seek points. Knows no gzip
 * framing. Not thread safe; an inflater belongs to its opener.
 */
#ifndef STORE_INFLATE_H
#define STORE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

enum inflate_result {
	INFLATE_MORE,	  /* the input is used up, or the output is full */
	INFLATE_BOUNDARY, /* stopped between two blocks, as asked */
	INFLATE_END,	  /* the last block ended */
	INFLATE_CORRUPT,  /* the counts in inflate_io may be wrong */
};

#define INFLATE_UNREAD_MAX 8

struct inflate_io {
	const uint8_t *in; /* advanced */
	size_t in_len;
	uint8_t *out; /* advanced */
	size_t out_len;
	/* Stop at the first block boundary that has at least this many plain bytes before it, counted
	 * from here. The last block's end is no boundary. UINT64_MAX: never stop. The number is
	 * counted down. A caller begins with at least INFLATE_NEAR, and goes on with what is left. */
	uint64_t boundary;

	/* At a boundary and at the end: how many bits behind it were taken from the input. At the end
	 * these may include whole bytes of earlier calls' input: they are in `unread` then, and `in`
	 * is where this call's input began. */
	unsigned unread_bits;
	uint8_t unread[INFLATE_UNREAD_MAX];
	unsigned unread_len;
};

/* An inflater runs ahead of its output, by fewer bytes: a stop is asked for so much before. */
#define INFLATE_NEAR (128u << 10)

struct inflate;

struct inflate_ops {
	const char *name;
	struct inflate *(*open)(void); /* NULL: out of memory */
	void (*close)(struct inflate *z);
	void (*reset)(struct inflate *z); /* for a new stream */

	/* After reset: starts in the middle of a stream, behind `len` (<= 32768) bytes of window. The
	 * byte before the input still has `bits` (0..7) bits; they are the low bits of `value`. */
	void (*resume)(struct inflate *z, const void *window, size_t len, unsigned bits,
		       unsigned value);

	/* Call again while it answers INFLATE_MORE with room left in the output and input left. */
	enum inflate_result (*run)(struct inflate *z, struct inflate_io *io);

	uint32_t (*crc32)(uint32_t crc, const void *data, size_t len); /* of RFC 1952 */
};

extern const struct inflate_ops inflate_zlib;
extern const struct inflate_ops inflate_isal; /* only where HAVE_ISAL */

/* The fastest one that the build has. */
const struct inflate_ops *inflate_default(void);

#endif

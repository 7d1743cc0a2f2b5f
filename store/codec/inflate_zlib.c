/* SPDX-License-Identifier: MIT */
#include "store/codec/inflate.h"

#include "store/base/mem.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

struct inflate {
	z_stream z;
};

static struct inflate *zlib_open(void)
{
	struct inflate *s = calloc(1, sizeof(*s));

	if (s && inflateInit2(&s->z, -MAX_WBITS) != Z_OK) {
		free(s);
		return NULL;
	}
	return s;
}

static void zlib_close(struct inflate *s)
{
	if (!s)
		return;
	inflateEnd(&s->z);
	free(s);
}

static void zlib_reset(struct inflate *s)
{
	inflateReset(&s->z);
}

static void zlib_resume(struct inflate *s, const void *window, size_t len, unsigned bits,
			unsigned value)
{
	/* Neither fails right after a reset with these ranges. */
	inflatePrime(&s->z, (int)bits, (int)value);
	inflateSetDictionary(&s->z, window, (uInt)len);
}

static uInt clamp(size_t n)
{
	return n > INT_MAX ? INT_MAX : (uInt)n;
}

static enum inflate_result zlib_run(struct inflate *s, struct inflate_io *io)
{
	for (;;) {
		uInt in = clamp(io->in_len), out = clamp(io->out_len);
		int r;

		s->z.next_in = (Bytef *)io->in;
		s->z.avail_in = in;
		s->z.next_out = io->out;
		s->z.avail_out = out;
		r = inflate(&s->z, Z_BLOCK);

		in -= s->z.avail_in;
		out -= s->z.avail_out;
		io->in += in;
		io->in_len -= in;
		io->out += out;
		io->out_len -= out;
		if (io->boundary != UINT64_MAX)
			io->boundary -= out < io->boundary ? out : io->boundary;

		if (r == Z_STREAM_END) {
			io->unread_bits = 0; /* zlib gives back what it does not use */
			io->unread_len = 0;
			return INFLATE_END;
		}
		if (r != Z_OK && r != Z_BUF_ERROR)
			return INFLATE_CORRUPT;

		/* 128: between blocks; 64: behind the last one; 7: bits of the last byte left. */
		if (r == Z_OK && (s->z.data_type & 192) == 128 && io->boundary == 0) {
			io->unread_bits = s->z.data_type & 7;
			return INFLATE_BOUNDARY;
		}
		if (in == 0 && out == 0)
			return INFLATE_MORE;
	}
}

static uint32_t zlib_crc32(uint32_t crc, const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc, data, len);
}

const struct inflate_ops inflate_zlib = {
    .name = "zlib",
    .open = zlib_open,
    .close = zlib_close,
    .reset = zlib_reset,
    .resume = zlib_resume,
    .run = zlib_run,
    .crc32 = zlib_crc32,
};

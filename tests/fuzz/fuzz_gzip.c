/* SPDX-License-Identifier: MIT */
/*
 * gzip by every inflater: no crash; the same data however the input is cut; and the inflaters
 * agree, except that ISA-L takes some incomplete Huffman codes that zlib refuses. The first byte
 * chooses raw deflate or gzip, and how the input is cut.
 *
 *     build/fuzz/fuzz_gzip CORPUS
 */
#include "store/codec/codec_ops.h"

#include <string.h>
#include <zlib.h>

#define OUT_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct inflate_ops *const inflaters[] = {
    &inflate_zlib,
#ifdef HAVE_ISAL
    &inflate_isal,
#endif
};
#define INFLATERS (sizeof(inflaters) / sizeof(*inflaters))

struct outcome {	/* without padding, as it is compared by its bytes */
	int64_t result; /* of a codec: 0 or -errno; of an inflater: enum inflate_result */
	uint64_t out, points, sum;
	uint64_t end; /* where the stream ended */
};

static int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct outcome *o = arg;

	o->out += len;
	o->sum = crc32_z((uLong)o->sum, data, len);
	return o->out > OUT_MAX ? err_set(err, 1, "enough") : 0;
}

static int on_point(void *arg, const struct seek_point *p, const void *window, struct err *err)
{
	struct outcome *o = arg;

	(void)err;
	if (p->out != o->out)
		__builtin_trap();
	o->points = o->points * 31 + p->in * 8 + p->bit;
	if (p->window)
		o->points +=
		    ((const uint8_t *)window)[0] + ((const uint8_t *)window)[p->window - 1];
	return 0;
}

static struct outcome run_gzip(const struct inflate_ops *inflate, const uint8_t *data, size_t len,
			       size_t piece)
{
	struct outcome o = {0};
	struct codec_sink sink = {.arg = &o, .data = on_data, .point = on_point};
	struct codec *c;

	if (gzip_open(inflate, &sink, &c, NULL))
		abort();
	for (size_t at = 0; at < len && o.result == 0; at += piece)
		o.result = codec_feed(c, data + at, piece < len - at ? piece : len - at, NULL);
	if (o.result == 0)
		o.result = codec_finish(c, NULL);
	codec_close(c);
	return o;
}

/* Stops at every block boundary behind the first few bytes. */
static struct outcome run_raw(const struct inflate_ops *inflate, const uint8_t *data, size_t len,
			      size_t piece)
{
	static uint8_t out[100000];
	struct inflate *z = inflate->open();
	struct outcome o = {.result = INFLATE_MORE};
	uint64_t boundary = INFLATE_NEAR + 1;
	size_t at = 0;

	while (o.out < OUT_MAX) {
		size_t n = piece < len - at ? piece : len - at;
		struct inflate_io io = {.in = data + at,
					.in_len = n,
					.out = out,
					.out_len = sizeof(out),
					.boundary = boundary};

		o.result = inflate->run(z, &io);
		if (o.result == INFLATE_CORRUPT)
			break;
		on_data(&o, out, sizeof(out) - io.out_len, NULL);
		boundary = io.boundary;
		at += n - io.in_len;
		if (o.result == INFLATE_END) {
			o.end = at - io.unread_len;
			if (memcmp(io.unread, data + o.end, io.unread_len))
				__builtin_trap();
			break;
		}
		if (o.result == INFLATE_BOUNDARY)
			o.points = o.points * 31 + (at * 8 - io.unread_bits);
		else if (at == len && io.out_len > 0)
			break;
	}
	inflate->close(z);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome first = {0};
	size_t piece;
	int raw;

	if (len < 2)
		return 0;
	raw = data[0] & 1;
	piece = 1 + (data[0] >> 1) * 7u;
	data++;
	len--;
	for (size_t i = 0; i < INFLATERS; i++) {
		struct outcome (*run)(const struct inflate_ops *, const uint8_t *, size_t, size_t) =
		    raw ? run_raw : run_gzip;
		int good = raw ? INFLATE_END : 0;
		struct outcome whole = run(inflaters[i], data, len, len);
		struct outcome cut = run(inflaters[i], data, len, piece);

		if (cut.result != whole.result)
			__builtin_trap();
		if (cut.result == good && memcmp(&cut, &whole, sizeof(cut)))
			__builtin_trap();
		if (i == 0)
			first = whole;
		else if (first.result == good && memcmp(&whole, &first, sizeof(first)))
			__builtin_trap();
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * zstd: no crash, and the same data however the input is cut. The first byte says how.
 *
 *     build/fuzz/fuzz_zstd CORPUS
 */
#include "store/codec/codec_ops.h"

#include <string.h>
#include <zlib.h>

#define OUT_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome { /* without padding, as it is compared by its bytes */
	int64_t result;
	uint64_t out, points, sum;
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
	if (p->out != o->out || p->window != 0 || window)
		__builtin_trap();
	o->points = o->points * 31 + p->in;
	return 0;
}

static struct outcome run(const uint8_t *data, size_t len, size_t piece)
{
	struct outcome o = {0};
	struct codec_sink sink = {.arg = &o, .data = on_data, .point = on_point};
	struct codec *c;

	if (zstd_open(&sink, &c, NULL))
		abort();
	for (size_t at = 0; at < len && o.result == 0; at += piece)
		o.result = codec_feed(c, data + at, piece < len - at ? piece : len - at, NULL);
	if (o.result == 0)
		o.result = codec_finish(c, NULL);
	codec_close(c);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome whole, cut;

	if (len < 2)
		return 0;
	whole = run(data + 1, len - 1, len - 1);
	cut = run(data + 1, len - 1, 1 + data[0] * 3u);
	if ((whole.result == 0) != (cut.result == 0))
		__builtin_trap();
	if (whole.result == 0 && memcmp(&whole, &cut, sizeof(cut)))
		__builtin_trap();
	return 0;
}

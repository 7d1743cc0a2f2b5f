/* SPDX-License-Identifier: MIT */
#include "store/seek.h"

#include "store/mem.h"

#include <errno.h>
#include <string.h>

#define PIECE (128u << 10)

struct fill {
	uint8_t *out;
	size_t len, have;
};

/* What comes behind the span (the next point may lie inside of the last byte) is dropped. */
static int fill_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct fill *f = arg;
	size_t n = f->len - f->have;

	(void)err;
	if (n > len)
		n = len;
	memcpy(f->out + f->have, data, n);
	f->have += n;
	return 0;
}

int seek_decode(const struct span *span, const void *window, seek_read_fn read, void *arg,
		void *out, struct err *err)
{
	struct fill fill = {.out = out, .len = span->len};
	struct codec_sink sink = {.arg = &fill, .data = fill_data};
	AUTO(codec_close) struct codec *codec = NULL;
	autofree void *piece = malloc(PIECE);
	uint64_t offset = span->from.in;
	int rc;

	if (!piece)
		return err_nomem(err);
	rc = codec_open_at(span->compression, &span->from, window, &sink, &codec, err);
	while (rc == 0 && fill.have < fill.len && offset < span->in_end) {
		size_t n = span->in_end - offset < PIECE ? span->in_end - offset : PIECE;

		rc = read(arg, piece, n, offset, err);
		if (rc == 0)
			rc = codec_feed(codec, piece, n, err);
		offset += n;
	}
	if (rc == 0 && fill.have < fill.len)
		rc = err_set(err, EBADMSG, "truncated at compressed offset %llu",
			     (unsigned long long)offset);
	return rc;
}

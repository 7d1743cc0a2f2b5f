/* SPDX-License-Identifier: MIT */
#include "store/seek.h"

#include "store/mem.h"

#include <errno.h>
#include <stdlib.h>

#define PIECE (128u << 10)

int seek_decode(const struct span *span, const void *window, seek_read_fn read, void *arg,
		void *out, struct err *err)
{
	AUTO(codec_close) struct codec *codec = NULL;
	autofree void *piece = malloc(PIECE);
	uint64_t offset = span->from.in;
	int rc;

	if (!piece)
		return err_nomem(err);
	rc = codec_open_at(span->compression, &span->from, window, out, span->len, &codec, err);
	while (rc == 0 && codec_filled(codec) < span->len && offset < span->in_end) {
		size_t n = span->in_end - offset < PIECE ? span->in_end - offset : PIECE;

		rc = read(arg, piece, n, offset, err);
		if (rc == 0)
			rc = codec_feed(codec, piece, n, err);
		offset += n;
	}
	if (rc == 0 && codec_filled(codec) < span->len)
		rc = err_set(err, EBADMSG, "truncated at compressed offset %llu",
			     (unsigned long long)offset);
	return rc;
}

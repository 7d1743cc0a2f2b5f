/* SPDX-License-Identifier: MIT */
#include "store/codec/seek.h"

#include "store/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Compressed bytes at a time. */
#define PIECE_MIN (4u << 10)
#define PIECE_MAX (64u << 10)

struct seek {
	struct span span;
	struct codec *codec; /* owned */
	uint64_t offset;     /* of what is read next */
	uint8_t piece[PIECE_MAX];
};

int seek_open(const struct span *span, const void *window, void *out, struct seek **seek,
	      struct err *err)
{
	AUTO(seek_close) struct seek *s = malloc(sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err);
	s->span = *span;
	s->codec = NULL;
	s->offset = span->from.in;
	r = codec_open_at(span->compression, &span->from, window, out, span->len, &s->codec, err);
	if (!r)
		*seek = steal(&s);
	return r;
}

void seek_close(struct seek *s)
{
	if (!s)
		return;
	codec_close(s->codec);
	free(s);
}

size_t seek_filled(const struct seek *s)
{
	return codec_filled(s->codec);
}

/* So many that they will give what is wanted, and not much more, where the span is as dense here as
 * on the whole: each call of a decoder costs, and so does what nobody wants. */
static size_t piece_length(const struct seek *s, size_t wanted)
{
	const struct span *span = &s->span;
	double density = (double)(span->in_end - span->from.in) / (double)span->len;
	double n = (double)(wanted - seek_filled(s)) * density * 1.1;
	uint64_t left = span->in_end - s->offset;

	n = n < PIECE_MIN ? PIECE_MIN : n > PIECE_MAX ? PIECE_MAX : n;
	return left < (uint64_t)n ? (size_t)left : (size_t)n;
}

int seek_run(struct seek *s, size_t wanted, seek_read_fn read, void *arg, struct err *err)
{
	int r = 0;

	assert(wanted <= s->span.len);
	while (!r && seek_filled(s) < wanted && s->offset < s->span.in_end) {
		size_t n = piece_length(s, wanted);

		r = read(arg, s->piece, n, s->offset, err);
		if (!r)
			r = codec_feed(s->codec, s->piece, n, err);
		s->offset += n;
	}
	if (!r && seek_filled(s) < wanted)
		r = err_set(err, EBADMSG, "truncated at compressed offset %llu",
			    (unsigned long long)s->offset);
	return r;
}

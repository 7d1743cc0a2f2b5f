/* SPDX-License-Identifier: MIT */
/*
 * To find the bytes of a window that are referred to, the stream behind the point is decoded twice,
 * with two made-up windows: in the first each byte is the lower half of its own position, in the
 * second the upper half. If a plain byte comes from the window, both results together are its
 * position; if not, they are twice the byte itself. So up to 128 positions too many are kept, and
 * none too few. Only the first 32 KiB behind a point can refer to bytes before it.
 */
#include "store/codec/window.h"

#include "store/codec/inflate.h"

#include <assert.h>
#include <string.h>

/* 32 KiB of plain bytes never take more than that in compressed ones that an encoder would write;
 * where they do, the window stays whole. */
#define FOLLOWING_MAX (40u << 10)

/* A point may lie in front of what is fed: inflaters read ahead. */
#define TAIL_MAX 16

struct window {
	const struct inflate_ops *inflate;
	struct inflate *z; /* owned */
	uint64_t in;	   /* compressed bytes so far */
	uint8_t tail[TAIL_MAX];

	bool begun;
	struct seek_point p;
	uint8_t window[CODEC_WINDOW];
	uint8_t following[FOLLOWING_MAX]; /* from p.in on */
	size_t have;

	uint8_t low[CODEC_WINDOW], high[CODEC_WINDOW];	       /* the two windows, */
	uint8_t out_low[CODEC_WINDOW], out_high[CODEC_WINDOW]; /* and what they give */
	uint8_t keep[UINT16_MAX + 1]; /* by what both give: all bits, or none */
};

int window_open(struct window **out, struct err *err)
{
	struct window *w = malloc(sizeof(*w));

	if (!w)
		return err_nomem(err);
	w->inflate = inflate_default();
	w->z = w->inflate->open();
	w->in = 0;
	w->begun = false;
	for (size_t i = 0; i < CODEC_WINDOW; i++) {
		w->low[i] = (uint8_t)i;
		w->high[i] = (uint8_t)(i >> 8);
	}
	if (!w->z) {
		free(w);
		return err_nomem(err);
	}
	*out = w;
	return 0;
}

void window_close(struct window *w)
{
	if (!w)
		return;
	w->inflate->close(w->z);
	free(w);
}

/* Of bytes that begin at `offset` of the stream, those behind the point that are not there yet. */
static void window_keep(struct window *w, uint64_t offset, const uint8_t *data, size_t len)
{
	uint64_t next = w->p.in + w->have;
	size_t n;

	if (next < offset || next - offset >= len)
		return;
	data += next - offset;
	assert(w->have <= sizeof(w->following));
	n = len - (size_t)(next - offset);
	if (n > sizeof(w->following) - w->have)
		n = sizeof(w->following) - w->have;
	memcpy(w->following + w->have, data, n);
	w->have += n;
}

void window_feed(struct window *w, const void *data, size_t len)
{
	size_t n = len < TAIL_MAX ? len : TAIL_MAX;

	if (w->begun) {
		window_keep(w, w->in - TAIL_MAX, w->tail, TAIL_MAX);
		window_keep(w, w->in, data, len);
	}
	memmove(w->tail, w->tail + n, TAIL_MAX - n);
	memcpy(w->tail + TAIL_MAX - n, (const uint8_t *)data + len - n, n);
	w->in += len;
}

void window_begin(struct window *w, const struct seek_point *p, const void *window)
{
	assert(p->window <= CODEC_WINDOW && p->bit <= 7);
	w->begun = true;
	w->p = *p;
	w->have = 0;
	memcpy(w->window, window, p->window);
}

bool window_is_ready(const struct window *w)
{
	return w->begun && w->have == sizeof(w->following);
}

/* Decodes behind the point with another window; false where that gives less than all bytes that
 * could refer to it. */
static bool window_decode(struct window *w, const uint8_t *window, uint8_t *out, size_t *len)
{
	unsigned bit = w->p.bit;
	struct inflate_io io = {.in = w->following + (bit > 0),
				.in_len = w->have - (bit > 0),
				.out = out,
				.out_len = CODEC_WINDOW,
				.boundary = UINT64_MAX};
	enum inflate_result result;

	w->inflate->reset(w->z);
	w->inflate->resume(w->z, window, w->p.window, bit ? 8 - bit : 0,
			   bit ? (unsigned)w->following[0] >> bit : 0);
	do
		result = w->inflate->run(w->z, &io);
	while (result == INFLATE_MORE && io.out_len > 0 && io.in_len > 0);
	*len = CODEC_WINDOW - io.out_len;
	return result == INFLATE_END || (result == INFLATE_MORE && io.out_len == 0);
}

static void reduce(struct window *w)
{
	size_t len, again;

	if (w->have < 2 || !window_decode(w, w->low, w->out_low, &len) ||
	    !window_decode(w, w->high, w->out_high, &again) || len != again)
		return;
	memset(w->keep, 0, sizeof(w->keep));
	for (size_t i = 0; i < len; i++)
		w->keep[w->out_high[i] << 8 | w->out_low[i]] = UINT8_MAX;
	for (size_t i = 0; i < CODEC_WINDOW; i++)
		w->window[i] &= w->keep[i];
}

const void *window_take(struct window *w)
{
	assert(w->begun);
	w->begun = false;
	reduce(w);
	return w->window;
}

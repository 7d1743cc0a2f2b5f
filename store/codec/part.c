/* SPDX-License-Identifier: MIT */
#include "store/codec/part.h"

#include <errno.h>
#include <string.h>

#define WINDOW_MAX PART_OUT /* which a few parts may have at once */

static int too_much(struct err *err)
{
	return err_set(err, ENOBUFS, "more than is kept of a part");
}

static int part_on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct part *p = arg;

	if (p->direct)
		return codec_give(p->goal->codec, data, len, err);
	if (len > PART_OUT - p->out_len)
		return too_much(err);
	memcpy(p->out + p->out_len, data, len);
	p->out_len += len;
	return 0;
}

static int give_point(struct part *p, const struct seek_point *point, const void *window,
		      struct err *err)
{
	const struct codec_sink *sink = &p->goal->sink;
	struct seek_point at = *point;

	at.out += p->out_at;
	return sink->point(sink->arg, &at, window, err);
}

static int part_on_point(void *arg, const struct seek_point *point, const void *window,
			 struct err *err)
{
	struct part *p = arg;

	if (p->direct)
		return give_point(p, point, window, err);
	if (p->point_count == PART_POINTS)
		return too_much(err);
	p->points[p->point_count++] = *point;
	return 0;
}

static int part_on_window(void *arg, size_t bytes, struct err *err)
{
	struct part *p = arg;
	const struct codec_sink *sink = &p->goal->sink;

	if (!p->direct)
		return bytes > WINDOW_MAX ? too_much(err) : 0;
	return sink->window ? sink->window(sink->arg, bytes, err) : 0;
}

static int give_input(struct part *p, const void *data, size_t len, struct err *err)
{
	const struct codec_sink *sink = &p->goal->sink;

	return sink->input && len > 0 ? sink->input(sink->arg, data, len, err) : 0;
}

static int part_on_input(void *arg, const void *data, size_t len, struct err *err)
{
	struct part *p = arg;

	return p->direct ? give_input(p, data, len, err) : 0;
}

static int part_begin(struct part *p, struct err *err)
{
	const struct codec_sink sink = {.arg = p,
					.data = part_on_data,
					.point = p->goal->sink.point ? part_on_point : NULL,
					.window = part_on_window,
					.input = part_on_input};
	int r = codec_open(p->goal->compression, &sink, &p->codec, err);

	if (r == 0)
		p->codec->in = p->in_at;
	return r;
}

int part_end(struct part *p, struct err *err)
{
	int r;

	if (!p->codec || !codec_may_begin(p->codec))
		return 0;
	r = codec_finish(p->codec, err);
	codec_close(p->codec);
	p->codec = NULL;
	return r;
}

void part_free(struct part *p)
{
	if (!p)
		return;
	codec_close(p->codec);
	free(p->in);
	free(p->out);
	free(p);
}

struct part *part_new(const struct part_goal *goal, uint64_t in_at, struct part *used,
		      struct err *err)
{
	struct part *p = used ? used : calloc(1, sizeof(*p));

	if (!p) {
		err_nomem(err);
		return NULL;
	}
	codec_close(p->codec);
	*p = (struct part){.goal = goal, .in_at = in_at, .in = p->in, .out = p->out};
	if (!p->in)
		p->in = malloc(PART_IN);
	if (p->in)
		return p;
	part_free(p);
	err_nomem(err);
	return NULL;
}

void part_run(struct part *p)
{
	if (!p->out)
		p->out = malloc(PART_OUT);
	p->result = p->out ? part_begin(p, &p->err) : too_much(&p->err);
	if (p->result == 0)
		p->result = codec_feed(p->codec, p->in, p->in_len, &p->err);
	if (p->result == 0)
		p->result = part_end(p, &p->err);
}

int part_give(struct part *p, struct err *err)
{
	size_t in = 0, out = 0;
	int r = 0;

	p->direct = true;
	p->out_at = p->goal->codec->out;
	for (size_t i = 0; r == 0 && i < p->point_count; i++) {
		const struct seek_point *s = &p->points[i];
		size_t to = (size_t)(s->in - p->in_at);

		if (s->out > out)
			r = codec_give(p->goal->codec, p->out + out, s->out - out, err);
		if (r == 0)
			r = give_input(p, p->in + in, to - in, err);
		if (r == 0)
			r = give_point(p, s, p->out + s->out - s->window, err);
		in = to;
		out = s->out;
	}
	if (r == 0 && p->out_len > out)
		r = codec_give(p->goal->codec, p->out + out, p->out_len - out, err);
	if (r == 0)
		r = give_input(p, p->in + in, p->in_len - in, err);
	if (r || p->result == 0)
		return r;
	if (err)
		*err = p->err;
	return p->result;
}

int part_begin_direct(struct part *p, struct err *err)
{
	codec_close(p->codec);
	p->codec = NULL;
	p->direct = true;
	p->out_at = p->goal->codec->out;
	return part_begin(p, err);
}

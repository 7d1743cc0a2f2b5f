/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_stream.h"

#include "store/layer/layer_build.h"

#include "store/base/lane.h"

#include <assert.h>
#include <errno.h>

struct layer_stream {
	struct store *store;   /* borrowed */
	struct cancel *cancel; /* borrowed, or NULL */
	struct digest diff_id;
	bool has_diff_id;
	struct lane *lane;	   /* owned; until it is drained, its thread uses what follows */
	struct layer_build *build; /* owned */
	struct err corruption;	   /* of the bytes, which are looked at no more; code 0: none */
};

/* In the lane's thread. */
static int layer_stream_feed(void *arg, const void *data, size_t len, struct err *err)
{
	struct layer_stream *l = arg;
	int r = cancel_check(l->cancel, err);

	if (!r && !l->corruption.code)
		r = layer_build_feed(l->build, data, len, err);
	if (r != -EBADMSG)
		return r;
	assert(err->code == EBADMSG);
	l->corruption = *err;
	return 0;
}

static int build_open(struct layer_stream *l, struct err *err)
{
	return layer_build_open(l->store, l->has_diff_id ? &l->diff_id : NULL, l->cancel, &l->build,
				err);
}

int layer_stream_open(struct store *s, const struct digest *diff_id, struct cancel *cancel,
		      struct layer_stream **out, struct err *err)
{
	AUTO(layer_stream_close) struct layer_stream *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_nomem(err);
	l->store = s;
	l->cancel = cancel;
	l->has_diff_id = diff_id != NULL;
	if (diff_id)
		l->diff_id = *diff_id;
	r = build_open(l, err);
	if (!r)
		r = lane_open(layer_stream_feed, l, &l->lane, err);
	if (!r)
		*out = steal(&l);
	return r;
}

int layer_stream_put(struct layer_stream *l, const void *data, size_t len, struct err *err)
{
	return lane_put(l->lane, data, len, err);
}

int layer_stream_restart(struct layer_stream *l, struct err *err)
{
	int r = lane_drain(l->lane, err);

	if (r < 0)
		return r;
	layer_build_close(l->build);
	l->build = NULL;
	l->corruption.code = 0;
	return build_open(l, err);
}

int layer_stream_finish(struct layer_stream *l, const struct digest *blob, struct err *err)
{
	int r = lane_drain(l->lane, err);

	if (r < 0)
		return r;
	if (!l->corruption.code)
		return layer_build_finish(l->build, blob, err);
	if (err)
		*err = l->corruption;
	return -l->corruption.code;
}

void layer_stream_close(struct layer_stream *l)
{
	if (!l)
		return;
	lane_close(l->lane);
	layer_build_close(l->build);
	free(l);
}

/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_range.h"

#include "registry/transfer/pull_receive.h"
#include "store/disk/blob.h"

#include <errno.h>

struct range_sink {
	struct held *held;
	uint64_t at; /* of the next byte */
};

static int range_sink_put(void *arg, const char *data, size_t len, struct err *err)
{
	struct range_sink *s = arg;
	int r = held_write(s->held, data, len, s->at, err);

	s->at += len;
	return r;
}

static int range_sink_restart(void *arg, struct err *err)
{
	struct range_sink *s = arg;

	(void)err;
	s->at = 0;
	return 0;
}

int pull_range(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	       struct byte_range range, struct held *held, struct err *err)
{
	struct ranges came = RANGES_INIT;
	struct byte_range missing = range;
	int r = 0;

	while (!r && held_missing(held, &missing)) {
		struct range_sink to = {held, missing.first};
		const struct pull_sink sink = {
		    .arg = &to, .put = range_sink_put, .restart = range_sink_restart};

		r = ranges_add(&came, missing, err);
		if (!r)
			r = pull_receive(t, repository, d, missing, &sink, err);
		missing = range;
	}
	for (size_t i = 0; blob_lacks_room(r) && i < came.count; i++)
		held_drop(held, came.list[i], NULL);
	ranges_clear(&came);
	return r;
}

int pull_rest(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	      bool *spoilt, struct err *err)
{
	AUTO(held_close) struct held *held = NULL;
	int r = held_open_existing(t->store, &d->digest, d->size, &held, err);

	if (r)
		return r;
	do {
		r = pull_range(t, repository, d, (struct byte_range){0, d->size}, held, err);
		if (r)
			return r;
		r = held_publish(held, t->cancel, err);
	} while (
	    r ==
	    -ENODATA); /* some have gone meanwhile, for room: the lease came too late for them */
	*spoilt = r == -EBADMSG || r == -ESTALE;
	return r;
}

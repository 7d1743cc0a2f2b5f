/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_table.h"

#include "registry/transfer/pull_attempt.h"
#include "registry/transfer/pull_range.h"
#include "registry/transfer/pull_receive.h"
#include "registry/transfer/pull_soci.h"
#include "registry/transfer/toc_image.h"
#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/layer/layer_name.h"
#include "store/lazy/lazy_build.h"
#include "store/lazy/soci.h"

#include <errno.h>
#include <string.h>

enum { PULL_TABLE_NONE = 1 };

#define PIECE_SIZE (256u << 10) /* of a table, read at once */
#define TAIL_SIZE  (8u << 10)	/* of an eStargz blob, fetched with its footer */

/* A layer whose table comes. */
struct table_fetch {
	const struct pull_attempt *attempt;
	struct lazy lazy;
	struct held *held; /* owned, as is build */
	struct lazy_build *build;
};

/* From the registry, but for what is held. */
static int fetch_bytes(const struct table_fetch *f, struct byte_range range, struct err *err)
{
	const struct pull_attempt *a = f->attempt;

	return pull_range(a->transfer, a->repository, a->blob, range, f->held, err);
}

/* With what lies in front of it: the table of a small layer costs no round trip of its own. */
static int fetch_footer(struct table_fetch *f, struct err *err)
{
	uint8_t footer[LAZY_FOOTER];
	struct byte_range at = f->lazy.next;
	struct byte_range tail = {at.end > TAIL_SIZE ? at.end - TAIL_SIZE : 0, at.end};
	int r = fetch_bytes(f, tail, err);

	if (!r)
		r = io_pread_all(held_fd(f->held), footer, (size_t)(at.end - at.first),
				 (off_t)at.first, err);
	return r ? r : lazy_footer(&f->lazy, footer, (size_t)(at.end - at.first), err);
}

static int begin_table(struct table_fetch *f, struct err *err)
{
	const struct pull_attempt *a = f->attempt;

	lazy_build_close(f->build);
	f->build = NULL;
	return lazy_build_open(a->transfer->store, &f->lazy, a->blob, a->arg, a->transfer->cancel,
			       &f->build, err);
}

static int feed_table(struct table_fetch *f, struct err *err)
{
	autofree char *piece = malloc(PIECE_SIZE);
	struct byte_range left = f->lazy.next;
	int r = piece ? begin_table(f, err) : err_nomem(err);

	while (!r && left.first < left.end) {
		uint64_t n = left.end - left.first;

		n = n < PIECE_SIZE ? n : PIECE_SIZE;
		r = io_pread_all(held_fd(f->held), piece, (size_t)n, (off_t)left.first, err);
		if (!r)
			r = lazy_build_feed(f->build, piece, (size_t)n, err);
		left.first += n;
	}
	return r ? r : lazy_build_finish(f->build, err);
}

static int external_put(void *arg, const char *data, size_t len, struct err *err)
{
	struct table_fetch *f = arg;

	return lazy_build_feed(f->build, data, len, err);
}

static int external_restart(void *arg, struct err *err)
{
	return begin_table(arg, err);
}

/* The bytes go straight into the build, and nowhere else. Their own digest says nothing: that of the
 * JSON is in the image's manifest. */
static int receive_external(struct table_fetch *f, struct err *err)
{
	const struct pull_attempt *a = f->attempt;
	const struct pull_sink sink = {.arg = f, .put = external_put, .restart = external_restart};
	struct transfer silent = *a->transfer; /* its progress is that of what is kept */
	const struct descriptor *table;
	int r;

	silent.watch = NULL;
	if (!a->transfer->lazy->toc_image)
		return err_set(err, EOPNOTSUPP,
			       "eStargz: the table of contents is in another image");
	r = toc_image_find(a->transfer->lazy->toc_image, &silent, &a->blob->digest, &table, err);
	if (!r)
		r = lazy_external(&f->lazy, table->size, err);
	if (!r)
		r = begin_table(f, err);
	if (!r)
		r = pull_receive(&silent, a->repository, table, f->lazy.next, &sink, err);
	return r ? r : lazy_build_finish(f->build, err);
}

/* A table that the registry does not give is none: the layer is there, and comes whole. */
static int fetch_external(struct table_fetch *f, struct err *err)
{
	struct err why = {0};
	int r = receive_external(f, &why);

	if (r == -ENOENT || r == -EACCES || r == -EPROTO)
		r = -EOPNOTSUPP;
	return r ? err_set(err, -r, "%s", why.text) : 0;
}

static int fetch_table(struct table_fetch *f, struct err *err)
{
	const struct pull_attempt *a = f->attempt;
	int r = held_open(a->transfer->store, &a->blob->digest, a->blob->size, &f->held, err);

	if (!r && !f->lazy.has_table)
		r = fetch_footer(f, err);
	if (!r && f->lazy.external)
		return fetch_external(f, err);
	if (!r)
		r = fetch_bytes(f, f->lazy.next, err);
	return r ? r : feed_table(f, err);
}

static int pull_table_run(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	struct layer_name name = {.blob = a->blob->digest, .check = LAYER_CHECK_DIGESTS};
	struct table_fetch f = {.attempt = a};
	int r = lazy_find(a->blob, &f.lazy, err);

	if (r)
		return r;
	memcpy(name.vouchers.table, f.lazy.table.bytes, LAYER_VOUCHER);
	r = layer_name_index(a->transfer->store, &name, &index, err);
	if (r != -ENOENT) /* one of another image is replaced */
		return r;
	r = fetch_table(&f, err);
	if (r == -EBADMSG && f.held) { /* on the way, maybe */
		if (!f.lazy.external)
			held_drop(f.held, f.lazy.next, NULL);
		*spoilt = true;
	}
	lazy_build_close(f.build);
	held_close(f.held);
	return r;
}

static bool names_table(const struct descriptor *layer)
{
	struct lazy lazy;

	return lazy_find(layer, &lazy, NULL) != 0 || lazy.format != LAZY_NONE;
}

static const struct descriptor *find_ztoc(const struct transfer *t, const struct descriptor *layer)
{
	return t->lazy->soci ? soci_ztoc(t->lazy->soci, layer) : NULL;
}

bool pull_has_table(const struct transfer *t, const struct descriptor *layer)
{
	return t->lazy && (names_table(layer) || find_ztoc(t, layer));
}

/* 0: the store has the layer's index by its table. PULL_TABLE_NONE: the layer has none, or nothing says
 * what its archive is. -EOPNOTSUPP, -EBADMSG: it has one by which it cannot be read (lazy.h). */
static int pull_table(const struct transfer *t, const struct ref *repository,
		      const struct descriptor *layer, const struct digest *diff_id, struct err *err)
{
	const struct pull_attempt attempt = {.transfer = t,
					     .repository = repository,
					     .blob = layer,
					     .kind = "table of layer",
					     .run = pull_table_run,
					     .arg = diff_id};
	const struct descriptor *ztoc;

	if (!diff_id)
		return PULL_TABLE_NONE;
	if (names_table(layer))
		return pull_attempt(&attempt, err);
	ztoc = find_ztoc(t, layer);
	return ztoc ? pull_ztoc(t, repository, layer, ztoc, diff_id, err) : PULL_TABLE_NONE;
}

int pull_table_or_layer(const struct transfer *t, const struct ref *repository,
			const struct descriptor *layer, const struct digest *diff_id,
			struct err *err)
{
	struct err why = {0};
	int r = PULL_TABLE_NONE;

	if (t->lazy && !blob_exists(t->store, &layer->digest, layer->size))
		r = pull_table(t, repository, layer, diff_id, &why);
	if (r == 0)
		return 0;
	if (r == -EOPNOTSUPP || r == -EBADMSG)
		t->lazy->refused(t->lazy->arg, &layer->digest, r, &why);
	else if (r < 0)
		return err_set(err, -r, "%s", why.text);
	return pull_layer(t, repository, layer, diff_id, err);
}

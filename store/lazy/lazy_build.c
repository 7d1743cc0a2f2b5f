/* SPDX-License-Identifier: MIT */
/*
 * The JSON of a table is wrapped: in a zstd frame (zstd:chunked, the digest goes over the frame) or
 * in the only file of a tar archive in a gzip member (eStargz, the digest goes over the JSON). So
 * bytes go codec -> (tar) -> lazy_table, with the hash before or behind.
 */
#include "store/lazy/lazy_build.h"

#include "store/base/budget.h"
#include "store/layer/layer_table.h"
#include "store/lazy/lazy_table.h"
#include "store/tar/tar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* What containers/storage writes at its best level. */
#define WINDOW_MAX (32u << 20)

/* Plain bytes around the JSON in its archive: header, pax header, padding, end. */
#define ARCHIVE_MAX (1u << 20)

#define TABLE_NAME "stargz.index.json"

struct lazy_build {
	struct lazy from;
	const struct descriptor *layer; /* borrowed, as are these */
	const struct digest *diff_id;
	struct cancel *cancel;
	struct budget *budget;
	size_t window;		/* taken from the budget */
	uint64_t in, plain;	/* bytes so far: of the table, decompressed */
	struct byte_range json; /* eStargz: where in the archive the JSON lies */
	struct codec *codec;	/* these are owned */
	struct hash *hash;
	struct tar *tar;
	struct layer_table *index;
	struct lazy_table *table;
};

static int take_json(struct lazy_build *b, const void *data, size_t len, struct err *err)
{
	if (b->from.format == LAZY_ESTARGZ)
		hash_update(b->hash, data, len);
	return len ? lazy_table_feed(b->table, data, len, err) : 0;
}

static int lazy_build_on_entry(void *arg, const struct entry *e, struct err *err)
{
	struct lazy_build *b = arg;

	if (b->json.end > 0 || !S_ISREG(e->mode) || e->extent_count > 0 ||
	    strcmp(e->path, TABLE_NAME) != 0)
		return err_set(err, EBADMSG, "\"%.80s\" where " TABLE_NAME " is to be, and no more",
			       e->path);
	if (e->size == 0 || e->size > b->from.json_max)
		return err_set(err, EOPNOTSUPP, TABLE_NAME " has %llu bytes",
			       (unsigned long long)e->size);
	b->json = (struct byte_range){e->data, e->data + e->size};
	return 0;
}

/* The next bytes of the archive: those that are of the JSON go on. */
static int take_archive(struct lazy_build *b, const uint8_t *data, size_t len, struct err *err)
{
	uint64_t from = b->plain, end = from + len;
	int r = tar_feed(b->tar, data, len, err);

	if (r)
		return r;
	if (end > (b->json.end ? b->json.end : 0) + ARCHIVE_MAX)
		return err_set(err, EBADMSG, "the archive goes on behind " TABLE_NAME);
	if (from < b->json.first)
		from = b->json.first;
	if (end > b->json.end)
		end = b->json.end;
	return from < end ? take_json(b, data + (from - b->plain), end - from, err) : 0;
}

static int lazy_build_on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct lazy_build *b = arg;
	int r = cancel_check(b->cancel, err); /* a few bytes may stand for a gigabyte */

	if (!r && b->tar)
		r = take_archive(b, data, len, err);
	else if (!r && len > b->from.json_max - b->plain)
		r = err_set(err, EBADMSG, "the table of contents is longer than its %llu bytes",
			    (unsigned long long)b->from.json_max);
	else if (!r)
		r = take_json(b, data, len, err);
	b->plain += len;
	return r;
}

/* As in a build of the whole layer: what is held goes back before more is waited for. */
static int lazy_build_on_window(void *arg, size_t bytes, struct err *err)
{
	struct lazy_build *b = arg;
	int r;

	if (bytes > WINDOW_MAX)
		return err_set(err, EOPNOTSUPP, "the table of contents has a window of %zu bytes",
			       bytes);
	budget_give(b->budget, b->window);
	b->window = 0;
	r = budget_take(b->budget, bytes, b->cancel, err);
	if (!r)
		b->window = bytes;
	return r;
}

static int lazy_build_parts(struct lazy_build *b, struct store *s, struct err *err)
{
	const struct codec_sink sink = {
	    .arg = b, .data = lazy_build_on_data, .window = lazy_build_on_window};
	int r = hash_open(DIGEST_SHA256, &b->hash, err);

	if (!r)
		r = codec_open(b->from.compression, &sink, &b->codec, err);
	if (!r && b->from.format == LAZY_ESTARGZ)
		r = tar_open(lazy_build_on_entry, b, &b->tar, err);
	if (!r)
		r = layer_table_open(s, LAYER_CHECK_DIGESTS, &b->index, err);
	if (!r)
		r = lazy_table_open(b->index, &b->from, &b->table, err);
	return r;
}

int lazy_build_open(struct store *s, const struct lazy *l, const struct descriptor *layer,
		    const struct digest *diff_id, struct cancel *cancel, struct lazy_build **out,
		    struct err *err)
{
	AUTO(lazy_build_close) struct lazy_build *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err_nomem(err);
	b->from = *l;
	b->layer = layer;
	b->diff_id = diff_id;
	b->cancel = cancel;
	b->budget = store_windows(s);
	r = l->has_table ? lazy_build_parts(b, s, err)
			 : err_set(err, EINVAL, "the place of the table is not known");
	if (!r)
		*out = steal(&b);
	return r;
}

void lazy_build_close(struct lazy_build *b)
{
	if (!b)
		return;
	codec_close(b->codec);
	budget_give(b->budget, b->window);
	hash_close(b->hash);
	tar_close(b->tar);
	lazy_table_close(b->table);
	layer_table_close(b->index);
	free(b);
}

int lazy_build_feed(struct lazy_build *b, const void *data, size_t len, struct err *err)
{
	uint64_t size = b->from.next.end - b->from.next.first;
	int r;

	if (len > size - b->in)
		return err_set(err, EBADMSG, "the table of contents has more than its %llu bytes",
			       (unsigned long long)size);
	b->in += len;
	if (b->from.format == LAZY_ZSTD_CHUNKED)
		hash_update(b->hash, data, len);
	r = codec_feed(b->codec, data, len, err);
	return r ? err_context(err, "table of contents") : 0;
}

/* The JSON is whole, and what the manifest says. */
static int check_table(struct lazy_build *b, struct err *err)
{
	char wanted[DIGEST_TEXT_MAX], text[DIGEST_TEXT_MAX];
	struct digest found;
	int r;

	if (b->in != b->from.next.end - b->from.next.first)
		return err_set(err, EBADMSG, "truncated");
	r = codec_finish(b->codec, err);
	if (!r && b->tar)
		r = tar_finish(b->tar, err);
	if (!r && b->tar && b->json.end == 0)
		r = err_set(err, EBADMSG, "there is no " TABLE_NAME);
	if (r)
		return r;
	hash_final(b->hash, &found);
	if (!digest_equal(&found, &b->from.table))
		return err_set(err, EBADMSG, "it has the digest %s, the manifest says %s",
			       digest_text(&found, text), digest_text(&b->from.table, wanted));
	return lazy_table_finish(b->table, err);
}

int lazy_build_finish(struct lazy_build *b, struct err *err)
{
	int r = check_table(b, err);
	const struct layer_claim claim = {
	    .blob = &b->layer->digest,
	    .diff_id = b->diff_id,
	    .voucher = &b->from.table,
	    .blob_size = b->layer->size,
	    .compression = b->from.compression,
	    .landmark = lazy_table_landmark(b->table),
	};

	return r ? err_context(err, "table of contents")
		 : layer_table_finish(b->index, &claim, err);
}

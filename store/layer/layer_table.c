/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_table.h"

#include "store/layer/layer_writer.h"
#include "store/layer/toc.h"

#include <errno.h>
#include <stdlib.h>

struct layer_table {
	struct layer_writer *writer; /* owned, as is toc */
	struct toc_writer *toc;
	uint64_t in_end; /* of the spans so far, the furthest */
	uint64_t size;	 /* of the archive so far */
};

int layer_table_open(struct store *s, enum layer_check kind, struct layer_table **out,
		     struct err *err)
{
	AUTO(layer_table_close) struct layer_table *t = calloc(1, sizeof(*t));
	int r = t ? toc_writer_open(&t->toc, err) : err_nomem(err);

	if (!r)
		r = layer_writer_open(s, kind, &t->writer, err);
	if (!r)
		*out = steal(&t);
	return r;
}

int layer_table_span(struct layer_table *t, struct byte_range in, uint64_t skip, uint64_t len,
		     const struct digest *sha256, struct err *err)
{
	int r = layer_writer_span(t->writer, in, skip, len, sha256, err);

	t->size += len;
	if (in.end > t->in_end)
		t->in_end = in.end;
	return r;
}

int layer_table_packed(struct layer_table *t, const struct seek_point *p, const void *window,
		       uint64_t in_end, uint64_t len, const struct digest *sha256, struct err *err)
{
	int r = layer_writer_packed(t->writer, p, window, in_end, len, sha256, err);

	t->size += len;
	if (in_end > t->in_end)
		t->in_end = in_end;
	return r;
}

int layer_table_entry(struct layer_table *t, const struct entry *e, struct err *err)
{
	return toc_writer_add(t->toc, e, err);
}

uint64_t layer_table_memory(const struct layer_table *t)
{
	return layer_writer_memory(t->writer) + toc_writer_memory(t->toc);
}

int layer_table_finish(struct layer_table *t, const struct layer_claim *c, struct err *err)
{
	autobuf toc = BUF_INIT;
	struct layer_summary summary = {
	    .blob = c->blob,
	    .diff_id = c->diff_id,
	    .voucher = c->voucher,
	    .blob_size = c->blob_size,
	    .compression = c->compression,
	    .landmark = c->landmark,
	    .archive_size = t->size,
	    .entries = toc_writer_count(t->toc),
	    .toc = &toc,
	};
	int r;

	if (t->in_end > c->blob_size)
		return err_set(err, EBADMSG, "a span ends at %llu, the blob at %llu",
			       (unsigned long long)t->in_end, (unsigned long long)c->blob_size);
	r = toc_writer_finish(t->toc, &toc, err);
	return r ? r : layer_writer_finish(t->writer, &summary, err);
}

void layer_table_close(struct layer_table *t)
{
	if (!t)
		return;
	toc_writer_close(t->toc);
	layer_writer_close(t->writer);
	free(t);
}

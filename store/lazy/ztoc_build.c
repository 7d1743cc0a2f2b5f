/* SPDX-License-Identifier: MIT */
#include "store/lazy/ztoc_build.h"

#include "store/layer/layer_table.h"
#include "store/lazy/lazy_table.h"
#include "store/lazy/soci.h"
#include "store/lazy/ztoc.h"

#include <errno.h>

#define CANCEL_STEP 1024 /* entries */

static int take_spans(const struct ztoc *z, struct layer_table *index, struct cancel *cancel,
		      struct err *err)
{
	struct ztoc_span s;
	int r = 0;

	for (uint32_t i = 0; !r && i < z->spans; i++) {
		r = cancel_check(cancel, err);
		if (!r)
			r = ztoc_span(z, i, &s, err);
		if (!r && s.out_end > s.from.out)
			r = layer_table_packed(index, &s.from, s.window, s.in_end,
					       s.out_end - s.from.out, &s.digest, err);
	}
	return r;
}

static int take_entries(const struct ztoc *z, struct ztoc_entry *e, struct layer_table *index,
			struct cancel *cancel, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < z->entries.count; i++) {
		if (i % CANCEL_STEP == 0)
			r = cancel_check(cancel, err);
		if (!r)
			r = ztoc_entry(z, i, e, err);
		if (!r)
			r = layer_table_entry(index, &e->entry, err);
		if (!r && layer_table_memory(index) > LAZY_MEMORY_MAX)
			r = err_set(err, EOPNOTSUPP, "an index of more than %u MiB",
				    LAZY_MEMORY_MAX >> 20);
	}
	return r;
}

static int take_ztoc(const struct ztoc *z, struct layer_table *index, struct cancel *cancel,
		     struct err *err)
{
	struct ztoc_entry *e = calloc(1, sizeof(*e));
	int r = e ? take_spans(z, index, cancel, err) : err_nomem(err);

	if (!r)
		r = take_entries(z, e, index, cancel, err);
	if (e)
		ztoc_entry_free(e);
	free(e);
	return r;
}

int ztoc_build(struct store *s, const void *data, size_t len, const struct descriptor *layer,
	       const struct digest *diff_id, enum layer_check kind, const struct digest *voucher,
	       struct cancel *cancel, struct err *err)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	struct layer_claim claim = {.blob = &layer->digest,
				    .diff_id = diff_id,
				    .voucher = voucher,
				    .blob_size = layer->size};
	struct ztoc z;
	int r = soci_compression(layer->media_type, &claim.compression, err);

	if (!r)
		r = ztoc_open(data, len, claim.compression, layer->size, &z, err);
	if (!r)
		r = layer_table_open(s, kind, &index, err);
	if (!r)
		r = take_ztoc(&z, index, cancel, err);
	if (r)
		return err_context(err, "zTOC");
	return layer_table_finish(index, &claim, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * Tables of contents of strangers. The first byte says which form it is and in how large pieces it
 * comes; the rest is the JSON. Whatever a table says, what it becomes is an index that passes its
 * own checks, and whose entries keep the limits.
 */
#include "store/layer/layer_index.h"
#include "store/lazy/lazy_table.h"
#include "tests/fuzz/fuzz_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONTENT_END 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_table(struct layer_table *index, const uint8_t *data, size_t size)
{
	AUTO(lazy_table_close) struct lazy_table *t = NULL;
	const struct lazy from = {
	    .format = data[0] & 1 ? LAZY_ESTARGZ : LAZY_ZSTD_CHUNKED,
	    .landmarks = data[0] & 1,
	    .content_end = CONTENT_END,
	};
	size_t step = 1 + (data[0] >> 1) * (size_t)31;
	struct err err = {0};
	int r = lazy_table_open(index, &from, &t, &err);

	for (size_t at = 1; !r && at < size; at += step)
		r = lazy_table_feed(t, data + at, size - at < step ? size - at : step, &err);
	if (!r)
		r = lazy_table_finish(t, &err);
	/* Two codes, and a sentence. */
	if (r && ((r != -EBADMSG && r != -EOPNOTSUPP) || !err.text[0]))
		abort();
	return r;
}

static void use_entries(const struct layer_index *x)
{
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	struct entry e;
	int r;

	if (layer_index_toc(x, &toc, NULL) < 0)
		abort();
	while ((r = toc_reader_next(toc, &e, NULL)) == TOC_ENTRY)
		if (e.path_len > ENTRY_PATH_MAX || e.xattr_count > ENTRY_XATTRS_MAX ||
		    e.stored > e.size || e.data > layer_index_archive_size(x) ||
		    e.stored > layer_index_archive_size(x) - e.data)
			abort();
	if (r != TOC_END)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(layer_table_close) struct layer_table *index = NULL;
	AUTO(layer_index_close) struct layer_index *x = NULL;
	const struct digest blob = {.algorithm = DIGEST_SHA256};
	const struct layer_claim claim = {&blob, &blob, CONTENT_END + 1, COMPRESSION_ZSTD, NULL, 0};
	struct layer_part part;

	if (size == 0)
		return 0;
	if (layer_table_open(the_store(), LAYER_CHECK_DIGESTS, &index, NULL) < 0)
		abort();
	if (read_table(index, data, size) < 0)
		return 0;
	if (layer_table_finish(index, &claim, NULL) < 0 ||
	    layer_index_open(the_store(), &blob, LAYER_CHECK_DIGESTS, &x, NULL) < 0)
		abort();
	for (uint64_t at = 0; layer_index_find(x, at, &part) == 0; at += part.span.len)
		if (part.span.in_end > CONTENT_END || part.span.from.in >= part.span.in_end ||
		    part.skip > LAYER_SPAN_MAX)
			abort();
	use_entries(x);
	return 0;
}

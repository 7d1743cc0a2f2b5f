/* SPDX-License-Identifier: MIT */
/*
 * zTOCs of strangers. Whatever one says, what it becomes is an index that passes its own checks, and whose entries
 * keep the limits. The last byte says whether the layer is compressed.
 */
#include "store/layer/layer_index.h"
#include "store/lazy/ztoc_build.h"
#include "tests/fuzz/fuzz_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOB_SIZE 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_ztoc_entries(const struct layer_index *x)
{
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	struct entry e;
	int r;

	if (layer_index_toc(x, &toc, NULL) < 0)
		abort();
	while ((r = toc_reader_next(toc, &e, NULL)) == TOC_ENTRY)
		if (e.path_len > ENTRY_PATH_MAX || e.xattr_count > ENTRY_XATTRS_MAX ||
		    e.extent_count > 0 || e.stored > e.size)
			abort();
	if (r != TOC_END)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(layer_index_close) struct layer_index *x = NULL;
	const struct digest diff_id = {.algorithm = DIGEST_SHA256};
	struct descriptor layer = {.size = BLOB_SIZE};
	struct layer_part part;
	struct err err = {0};
	int r;

	if (size == 0)
		return 0;
	layer.media_type = (char *)(data[size - 1] & 1 ? "x.tar" : "x.tar+gzip");
	r = ztoc_build(the_store(), data, size - 1, &layer, &diff_id, LAYER_CHECK_PACKED, NULL,
		       NULL, &err);
	/* Two codes, and a sentence. */
	if (r && ((r != -EBADMSG && r != -EOPNOTSUPP) || !err.text[0]))
		abort();
	if (r)
		return 0;
	if (layer_index_open(the_store(), &layer.digest, LAYER_CHECK_PACKED, &x, NULL) < 0)
		abort();
	for (uint64_t at = 0; layer_index_find(x, at, &part) == 0; at += part.span.len)
		if (part.span.in_end > BLOB_SIZE || part.span.from.in >= part.span.in_end ||
		    part.span.len > LAYER_PACKED_SPAN_MAX)
			abort();
	use_ztoc_entries(x);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * derived/layers/HEX of a stranger: whatever passes its checks can be used without a crash. The
 * header's fixed fields and its checksum are put right first, or nothing would pass.
 *
 *     build/fuzz/fuzz_layer_index CORPUS
 */
#include "store/layer/layer_format.h"
#include "store/layer/layer_index.h"
#include "store/base/xxh.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A file out of the fuzzer's bytes; NULL where they are too few. */
static uint8_t *make_file(const uint8_t *data, size_t len)
{
	struct layer_header *h;

	if (len < sizeof(*h))
		return NULL;
	h = malloc(len); /* exactly, for the address sanitizer */
	memcpy(h, data, len);
	memcpy(h->magic, LAYER_MAGIC, sizeof(h->magic));
	h->version = LAYER_VERSION;
	h->header_size = sizeof(*h);
	h->blob_algorithm = DIGEST_SHA256;
	memset(h->blob, 0, sizeof(h->blob));
	h->checksum = layer_checksum(h, XXH3_64bits(h + 1, len - sizeof(*h)));
	return (uint8_t *)h;
}

static void use_spans(const struct layer_index *x, const uint8_t *file, size_t len)
{
	uint64_t size = layer_index_archive_size(x), last = 0;
	struct layer_part part;

	for (uint64_t at = 0; layer_index_find(x, at, &part) == 0; at += part.span.len) {
		const uint8_t *window = part.window;

		if (part.span.from.out != at || part.span.len == 0 ||
		    part.span.len > LAYER_SPAN_MAX || (at > 0 && part.number != last + 1))
			__builtin_trap();
		if (part.window_size > 0 && (window < file || part.window_size > len ||
					     window > file + len - part.window_size))
			__builtin_trap();
		last = part.number;
	}
	if (layer_index_find(x, size, &part) == 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *file = make_file(data, len);
	struct digest blob = {.algorithm = DIGEST_SHA256};
	struct layer_index *x;
	struct toc_reader *toc;
	struct entry e;

	if (file && layer_index_parse(file, len, &blob, &x, NULL) == 0) {
		use_spans(x, file, len);
		if (layer_index_toc(x, &toc, NULL) == 0) {
			while (toc_reader_next(toc, &e, NULL) == TOC_ENTRY)
				;
			toc_reader_close(toc);
		}
		layer_index_close(x);
	}
	free(file);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* store/layer/toc.h on anything, as it is and as what a good zstd frame holds; what is read can be
 * written. */
#include "store/layer/toc.h"

#include <stdint.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const void *data, size_t len)
{
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	autobuf out = BUF_INIT;
	struct entry e;
	struct err err;

	if (toc_reader_open(data, len, &r, &err) || toc_writer_open(&w, &err))
		abort();
	while (toc_reader_next(r, &e, &err) == TOC_ENTRY)
		if (toc_writer_add(w, &e, &err))
			abort();
	if (toc_writer_finish(w, &out, &err))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max = ZSTD_compressBound(size);
	autofree void *packed = malloc(max);

	read_all(data, size);
	read_all(packed, ZSTD_compress(packed, max, data, size, 1));
	return 0;
}

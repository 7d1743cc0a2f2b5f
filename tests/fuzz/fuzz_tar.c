/* SPDX-License-Identifier: MIT */
/* store/tar/tar.h on anything: no harm, and the same entries however the archive is fed. */
#include "store/tar/tar.h"
#include "store/tar/tar_header.h"
#include "store/base/xxh.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t sum;
	uint32_t count;
};

static void mix(struct seen *s, const void *data, size_t len)
{
	s->sum = XXH3_64bits_withSeed(data, len, s->sum);
}

static int on_entry(void *arg, const struct entry *e, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	mix(s, e->path, e->path_len + 1);
	mix(s, e->link, e->link_len);
	mix(s, &e->mode, sizeof(e->mode));
	mix(s, &e->size, sizeof(e->size));
	mix(s, &e->mtime, sizeof(e->mtime));
	mix(s, &e->data, sizeof(e->data));
	mix(s, &e->stored, sizeof(e->stored));
	mix(s, e->extents, e->extent_count * sizeof(*e->extents));
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		mix(s, e->xattrs[i].name, strlen(e->xattrs[i].name));
		mix(s, e->xattrs[i].value, e->xattrs[i].size);
	}
	s->count++;
	return 0;
}

static int parse(const uint8_t *data, size_t size, size_t step, struct seen *s)
{
	AUTO(tar_close) struct tar *t = NULL;
	struct err err;
	int rc = tar_open(on_entry, s, &t, &err);

	for (size_t at = 0; at < size && !rc; at += step)
		rc = tar_feed(t, data + at, size - at < step ? size - at : step, &err);
	return rc ? rc : tar_finish(t, &err);
}

/* Sums that hold, or the fuzzer would never get past them. */
static void fix_checksums(uint8_t *data, size_t size)
{
	for (uint8_t *block = data; block + TAR_BLOCK <= data + size; block += TAR_BLOCK) {
		uint32_t sum = 8 * ' ';
		char text[8];

		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		for (int i = 0; i < TAR_BLOCK; i++)
			sum += i < 148 || i >= 156 ? block[i] : 0;
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(block + 148, text, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = {0}, parts = {0};
	autofree uint8_t *copy = malloc(size + 1);
	size_t step = size ? 1 + data[size - 1] * 5 : 1;

	memcpy(copy, data, size);
	fix_checksums(copy, size);
	if (parse(copy, size, size + 1, &whole) != parse(copy, size, step, &parts) ||
	    whole.count != parts.count || whole.sum != parts.sum)
		abort();
	return 0;
}

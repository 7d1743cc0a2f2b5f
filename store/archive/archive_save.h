/* SPDX-License-Identifier: MIT */
/*
 * An image as the archive that `docker save` writes, without writing it: which bytes stand at which
 * offset. An OCI layout (image-layout.md) with docker's manifest.json beside its index.json; blobs
 * are the image's own, byte for byte. Made from the documents; layers need not be there. Read-only
 * once open, thread safe then.
 */
#ifndef STORE_ARCHIVE_SAVE_H
#define STORE_ARCHIVE_SAVE_H

#include "store/images/image.h"

struct archive_save;

/* `references`: the full references with a tag that the image is saved under; may be none. */
int archive_save_open(const struct image *i, char *const *references, size_t count,
		      struct archive_save **out, struct err *err);
void archive_save_close(struct archive_save *a); /* NULL is allowed */
DEFINE_AUTO(struct archive_save, archive_save_close)

uint64_t archive_save_size(const struct archive_save *a);

/* What lies at an offset: `length` bytes of the archive's own (`data`, lent), or of a blob from
 * `from` on; length 0: the end. */
#define ARCHIVE_SAVE_DOCUMENT SIZE_MAX
struct archive_save_part {
	uint64_t length;
	const char *data;     /* NULL: the bytes are a blob's, and the fields below say which */
	struct digest digest; /* of the blob */
	uint64_t from;	      /* offset in the blob */
	size_t layer;	      /* whose blob it is; ARCHIVE_SAVE_DOCUMENT: a manifest or config */
};
void archive_save_at(const struct archive_save *a, uint64_t offset, struct archive_save_part *out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Images as the archive that `docker save` writes, without writing it: which bytes stand at which
 * offset. An OCI layout (image-layout.md) with docker's manifest.json beside its index.json; blobs
 * are the images' own, byte for byte, each once. Made from the documents; layers need not be there.
 * Read-only once open, thread safe then.
 */
#ifndef STORE_ARCHIVE_SAVE_H
#define STORE_ARCHIVE_SAVE_H

#include "store/images/image.h"

struct archive_save;

/* An image, and the full references with a tag that it is saved under; may be none. */
struct archive_save_image {
	const struct image *image;
	char *const *references;
	size_t count;
};

/* At least one image; what is given is borrowed for the call. */
int archive_save_open(const struct archive_save_image *images, size_t count,
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
	size_t image;	      /* whose blob it is (of one of those that share it) */
	size_t layer;	      /* and which layer's; ARCHIVE_SAVE_DOCUMENT: a manifest or config */
};
void archive_save_at(const struct archive_save *a, uint64_t offset, struct archive_save_part *out);

#endif

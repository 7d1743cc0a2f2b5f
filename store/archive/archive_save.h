/* SPDX-License-Identifier: MIT */
/*
 * Images as the archive that `docker save` writes, without writing it: which bytes stand at which
 * offset. It is an OCI layout (image-layout.md) with docker's manifest.json beside its index.json.
 * Blobs are the images' own, byte for byte, each once. It is made from the documents; layers need
 * not be here. Read-only once open, thread safe then.
 */
#ifndef STORE_ARCHIVE_SAVE_H
#define STORE_ARCHIVE_SAVE_H

#include "store/images/image.h"

struct archive_save;

/* An image, and the full references with tags that it is saved under (count may be 0). They name the
 * first of `named`: its manifest, or an index in which it is the image of its platform. Behind that stand
 * the indexes on the way to it. They go along; of their other entries nothing does. */
struct archive_save_image {
	const struct image *image;
	const struct descriptor *named;
	size_t named_count; /* at least 1 */
	char *const *references;
	size_t count;
};

/* Takes at least one image. Images and references are borrowed for the call. */
int archive_save_open(const struct archive_save_image *images, size_t count,
		      struct archive_save **out, struct err *err);
void archive_save_close(struct archive_save *a); /* NULL is allowed */
DEFINE_AUTO(struct archive_save, archive_save_close)

uint64_t archive_save_size(const struct archive_save *a); /* bytes */

/* What lies from an offset on: `length` bytes of the archive's own (`data`, borrowed), or of a blob from
 * its offset `from` on; length 0: the end. */
#define ARCHIVE_SAVE_DOCUMENT SIZE_MAX
struct archive_save_part {
	uint64_t length;
	const char *data;     /* NULL: the bytes are a blob's; the fields below are for it */
	struct digest digest; /* of the blob */
	uint64_t from;	      /* offset in the blob */
	size_t image;	      /* number of an image that has the blob */
	size_t layer;	      /* number of the layer; ARCHIVE_SAVE_DOCUMENT: a manifest or config */
};
void archive_save_at(const struct archive_save *a, uint64_t offset, struct archive_save_part *out);

#endif

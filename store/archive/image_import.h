/* SPDX-License-Identifier: MIT */
/*
 * `docker import`: the archive of a root filesystem becomes an image of one layer, as its bytes come.
 * An archive that is compressed (gzip, zstd) is kept as it is. A plain one is compressed with gzip,
 * which every registry and runtime reads: it takes a third of the disk, but the time of a core. The
 * padding behind the archive's end is no part of the layer. One thread at a time.
 */
#ifndef STORE_IMAGE_IMPORT_H
#define STORE_IMAGE_IMPORT_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/oci/platform.h"
#include "store/disk/store.h"

struct image_import {
	struct store *store;
	const char *reference;	    /* full, or NULL: an image without a tag */
	const char *message;	    /* the comment in the image's history */
	const char *const *changes; /* NULL-terminated: store/archive/image_change.h */
	const struct platform *platform;
};

struct image_importer;

/* Copies what it needs; the store is borrowed. -EINVAL: a change is malformed. */
int image_importer_open(const struct image_import *import, struct image_importer **out,
			struct err *err);

/* As archive_loader_feed. FEED_DONE: the image is in the store; *id is the image ID. */
int image_importer_feed(struct image_importer *i, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct digest *id, struct err *err);
void image_importer_close(struct image_importer *i); /* NULL is allowed */
DEFINE_AUTO(struct image_importer, image_importer_close)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The disk space of images: their blobs that are in the store, each counted once however many images
 * have it. A blob that several images have is shared. Several names of one digest are one image. A
 * snapshot, constant once made.
 */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "store/disk/names.h"

struct usage_image {
	struct digest digest;
	size_t name;		 /* the number of its first name in `names` (names_at) */
	uint64_t shared, unique; /* bytes of its blobs that others have, too, and of the others */
};

struct usage;
int usage_open(struct store *s, const struct names *names, struct usage **out, struct err *err);
void usage_close(struct usage *u); /* NULL is allowed */
DEFINE_AUTO(struct usage, usage_close)

uint64_t usage_total(const struct usage *u); /* of all blobs that images have */
size_t usage_count(const struct usage *u);   /* of images */
const struct usage_image *usage_at(const struct usage *u, size_t i);
const struct usage_image *usage_find(const struct usage *u,
				     const struct digest *image); /* or NULL */

#endif

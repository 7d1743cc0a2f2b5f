/* SPDX-License-Identifier: MIT */
/*
 * The few facts about an image that tables show. They follow from its documents, which never change
 * under their digests. So they are read once and kept in memory with the store: a table of thousands
 * of images costs a stat or two for each. At most IMAGE_FACTS_MAX are kept. Thread safe.
 */
#ifndef STORE_IMAGE_FACTS_H
#define STORE_IMAGE_FACTS_H

#include "store/images/image.h"

#define IMAGE_FACTS_MAX 16384

struct image_facts {
	struct digest manifest, config;
	bool artifact;
	bool has_created;
	int64_t created; /* seconds since 1970, as the config says */
	uint64_t size;	 /* image_size */
};

/* The facts of the image that image_open(…, IMAGE_LOCAL, …) opens, with its errors. */
int image_facts(struct store *s, const struct descriptor *top, const struct platform *wish,
		struct image_facts *out, struct err *err);

#endif

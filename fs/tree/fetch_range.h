/* SPDX-License-Identifier: MIT */
/*
 * The job that brings bytes of a layer that is read before it is downloaded. As fetch.h has it.
 */
#ifndef FS_FETCH_RANGE_H
#define FS_FETCH_RANGE_H

#include "fs/tree/repo_image.h"
#include "fs/core/vnode.h"
#include "store/layer/layer.h"

/* Brings `missing` (layer_missing) of a layer that is read by its table of contents. FS_WAIT, or
 * -errno: why it cannot be had. */
int fetch_range(struct request *rq, struct repo_image *i, size_t layer,
		const struct layer_gap *missing, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Reads the blobs of layers and artifacts as they are, for vnodes. A blob is verified, fetched where it
 * has to be, and opened again when another file has taken its place. An open blob outlives its deletion.
 * Thread safe.
 */
#ifndef FS_VN_RAW_H
#define FS_VN_RAW_H

#include "fs/core/vnode.h"
#include "fs/tree/repo_image.h"
#include "store/layer/raw.h"

#include <pthread.h>

/* The blob that was read last. */
struct vn_raw {
	struct inode *owner; /* borrowed: the vnode's */
	pthread_mutex_t lock;
	struct raw *raw;      /* under lock: owned; NULL: none */
	struct digest digest; /* under lock: of that one */
};

void vn_raw_init(struct vn_raw *w, struct inode *owner);
void vn_raw_clear(struct vn_raw *w);

/* Appends exactly len bytes of the blob of a layer, from offset. 0, FS_WAIT or an error. */
int vn_raw_read(struct request *rq, struct vn_raw *w, struct repo_image *image, size_t layer,
		uint64_t offset, size_t len, struct buf *out, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A blob as the store has it. A document is small: each read takes it whole, and checks its digest. Of the
 * blob of a layer or artifact, only the pieces that are read are verified.
 */
#include "fs/tree/vn.h"

#include "fs/core/fs.h"
#include "fs/core/room.h"
#include "fs/tree/vn_raw.h"
#include "store/disk/blob.h"

#include <errno.h>
#include <pthread.h>

struct vn_blob {
	struct vnode v;
	struct repo_image *image; /* a reference */
	struct digest digest;
	uint64_t size;
	size_t layer;
	struct vn_raw raw;
	pthread_mutex_t lock;
	int fd; /* of a document, under lock: owned; -1 until it is read, as an open one outlives its deletion */
};

static int blob_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	const struct vn_blob *b = (const struct vn_blob *)v;

	(void)rq;
	(void)err;
	st->st_size = (off_t)b->size;
	st->st_mtim = repo_image_created(b->image);
	return 0;
}

/* All of it. One that proves damaged is looked for anew: it may have been fetched again since it was opened. */
static int vn_blob_read_body(struct request *rq, struct vn_blob *b, struct buf *out,
			     struct err *err)
{
	int r = b->fd < 0 ? -EBADMSG : blob_read_fd(b->fd, &b->digest, OCI_MANIFEST_MAX, out, err);

	if (r != -EBADMSG)
		return r;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = blob_open(rq->fs->store, &b->digest, NULL, err);
	if (b->fd < 0)
		return b->fd;
	room_watch(rq->fs, &b->v.inode);
	return blob_read_fd(b->fd, &b->digest, OCI_MANIFEST_MAX, out, err);
}

static int read_document(struct request *rq, struct vn_blob *b, uint64_t offset, size_t len,
			 struct buf *out, struct err *err)
{
	autobuf body = BUF_INIT;
	int r;

	pthread_mutex_lock(&b->lock);
	r = vn_blob_read_body(rq, b, &body, err);
	pthread_mutex_unlock(&b->lock);
	if (r)
		return r;
	if (offset > body.len || len > body.len - offset)
		return err_set(err, EIO, "a document is shorter than its descriptor says");
	buf_append(out, body.data + offset, len);
	return 0;
}

static int vn_blob_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			struct buf *out, struct err *err)
{
	struct vn_blob *b = (struct vn_blob *)v;
	uint64_t rest = offset < b->size ? b->size - offset : 0;

	len = rest < len ? (size_t)rest : len;
	return b->layer == VN_NO_LAYER
		   ? read_document(rq, b, offset, len, out, err)
		   : vn_raw_read(rq, &b->raw, b->image, b->layer, offset, len, out, err);
}

static void blob_free(struct vnode *v)
{
	struct vn_blob *b = (struct vn_blob *)v;

	vn_raw_clear(&b->raw);
	if (b->fd >= 0)
		close(b->fd);
	pthread_mutex_destroy(&b->lock);
	repo_image_put(b->image);
}

static const struct vnode_ops blob_ops = {
    .mode = S_IFREG | 0444,
    .stat = blob_stat,
    .read = vn_blob_read,
    .free = blob_free,
};

struct vnode *vn_blob_new(const char *path, struct repo_image *i, const struct digest *digest,
			  uint64_t size, size_t layer)
{
	struct vn_blob *b = vnode_new(&blob_ops, sizeof(*b), path);

	if (!b)
		return NULL;
	b->image = repo_image_get(i);
	b->digest = *digest;
	b->size = size;
	b->layer = layer;
	b->fd = -1;
	vn_raw_init(&b->raw, &b->v.inode);
	pthread_mutex_init(&b->lock, NULL);
	b->v.lasting = LASTS;
	return &b->v;
}

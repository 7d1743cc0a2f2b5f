/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include "fs/tree/fetch.h"
#include "store/disk/blob.h"
#include "fs/core/fs.h"
#include "store/base/io.h"

#include <errno.h>
#include <stdatomic.h>

struct vn_blob {
	struct vnode v;
	struct repo_image *image; /* a reference */
	struct digest digest;
	uint64_t size;
	size_t layer;
	atomic_int fd; /* owned; -1 until it is read: an open blob outlives its deletion */
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

static int vn_blob_open_blob(struct request *rq, struct vn_blob *b, struct err *err)
{
	int none = -1;
	int fd = blob_open(rq->fs->store, &b->digest, NULL, err);

	if (fd >= 0 && !atomic_compare_exchange_strong(&b->fd, &none, fd))
		close(fd); /* another thread was first */
	return fd < 0 ? fd : 0;
}

/* It is open then; fetched where it has to be. */
static int blob_ready(struct request *rq, struct vn_blob *b, struct err *err)
{
	int r = atomic_load(&b->fd) < 0 ? vn_blob_open_blob(rq, b, err) : 0;

	if (r == -ENOENT && b->layer != VN_NO_LAYER) {
		r = fetch_layer(rq, b->image, b->layer, err);
		if (!r)
			r = vn_blob_open_blob(rq, b, err);
	}
	return r;
}

static int vn_blob_find(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			struct file_part *out, struct err *err)
{
	struct vn_blob *b = (struct vn_blob *)v;
	uint64_t rest = offset < b->size ? b->size - offset : 0;
	int r = blob_ready(rq, b, err);

	*out = (struct file_part){atomic_load(&b->fd), offset, rest < len ? (size_t)rest : len};
	return r;
}

static int vn_blob_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			struct buf *out, struct err *err)
{
	struct file_part part;
	char digest[DIGEST_TEXT_MAX], *room;
	int r = vn_blob_find(rq, v, offset, len, &part, err);

	if (r || part.len == 0)
		return r;
	room = buf_reserve(out, part.len);
	if (!room)
		return err_nomem(err);
	r = io_pread_all(part.fd, room, part.len, (off_t)offset, err);
	if (r < 0)
		return err_context(err, "blob %s",
				   digest_text(&((struct vn_blob *)v)->digest, digest));
	out->len += part.len;
	return 0;
}

static void blob_free(struct vnode *v)
{
	struct vn_blob *b = (struct vn_blob *)v;
	int fd = atomic_load(&b->fd);

	if (fd >= 0)
		close(fd);
	repo_image_put(b->image);
}

static const struct vnode_ops blob_ops = {
    .mode = S_IFREG | 0444,
    .stat = blob_stat,
    .read = vn_blob_read,
    .find = vn_blob_find,
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
	atomic_init(&b->fd, -1);
	b->v.lasting = LASTS;
	return &b->v;
}

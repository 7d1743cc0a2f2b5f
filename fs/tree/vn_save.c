/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn_save.h"

#include "fs/core/fs.h"
#include "fs/tree/fetch.h"
#include "store/archive/archive_save.h"
#include "store/base/io.h"
#include "store/disk/blob.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

struct vn_save {
	struct vnode v;
	struct archive_save *save; /* owned, set from the beginning */
	pthread_mutex_t lock;
	int fd;		    /* under lock: the blob that was read last; -1 */
	struct digest open; /* the digest of that blob; under lock */
	size_t count;
	struct repo_image *images[]; /* references */
};

static void save_free(struct vnode *v)
{
	struct vn_save *x = (struct vn_save *)v;

	for (size_t i = 0; i < x->count; i++)
		repo_image_put(x->images[i]);
	archive_save_close(x->save);
	if (x->fd >= 0)
		close(x->fd);
	pthread_mutex_destroy(&x->lock);
}

static int save_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_save *x = (struct vn_save *)v;

	(void)rq;
	(void)err;
	st->st_size = (off_t)archive_save_size(x->save);
	st->st_mtim = repo_image_created(x->images[0]);
	return 0;
}

/* Under the lock. */
static int vn_save_open_blob(struct request *rq, struct vn_save *x,
			     const struct archive_save_part *p, struct err *err)
{
	int fd;

	if (x->fd >= 0 && digest_equal(&x->open, &p->digest))
		return 0;
	fd = blob_open(rq->fs->store, &p->digest, NULL, err);
	if (fd < 0)
		return fd;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = fd;
	x->open = p->digest;
	return 0;
}

static int read_blob(struct request *rq, struct vn_save *x, const struct archive_save_part *p,
		     size_t len, struct buf *out, struct err *err)
{
	char *room;
	ssize_t n;
	int r;

	pthread_mutex_lock(&x->lock);
	r = vn_save_open_blob(rq, x, p, err);
	if (!r) {
		room = buf_reserve(out, len);
		n = room ? io_pread(x->fd, room, len, (off_t)p->from, err) : err_nomem(err);
		r = n < 0 ? (int)n : 0;
		if (!r)
			out->len += (size_t)n;
		if (!r && (size_t)n < len)
			r = err_set(err, EIO, "a blob is shorter than it was");
	}
	pthread_mutex_unlock(&x->lock);
	return r;
}

static int save_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		     struct buf *out, struct err *err)
{
	struct vn_save *x = (struct vn_save *)v;
	int r = 0;

	while (!r && len > 0) {
		struct archive_save_part p;
		size_t n;

		archive_save_at(x->save, offset, &p);
		if (!p.length)
			break;
		n = p.length < len ? (size_t)p.length : len;
		if (p.data)
			buf_append(out, p.data, n);
		else
			r = read_blob(rq, x, &p, n, out, err);
		if (r == -ENOENT && p.layer != ARCHIVE_SAVE_DOCUMENT) {
			r = fetch_layer(rq, x->images[p.image], p.layer, err);
			if (!r)
				r = read_blob(rq, x, &p, n, out, err);
		}
		offset += n;
		len -= n;
	}
	return r;
}

static const struct vnode_ops save_ops = {
    .mode = S_IFREG | 0444,
    .stat = save_stat,
    .read = save_read,
    .free = save_free,
};

static int vn_save_plan(struct vn_save *x, const struct vn_save_image *images, struct err *err)
{
	autofree struct archive_save_image *of = calloc(x->count, sizeof(*of));

	if (!of)
		return err_nomem(err);
	for (size_t i = 0; i < x->count; i++)
		of[i] = (struct archive_save_image){repo_image_image(images[i].image),
						    images[i].references, images[i].count};
	return archive_save_open(of, x->count, &x->save, err);
}

int vn_save_new(const char *path, const struct vn_save_image *images, size_t count,
		struct vnode **out, struct err *err)
{
	struct vn_save *x =
	    vnode_new_own(&save_ops, sizeof(*x) + count * sizeof(x->images[0]), path);
	int r;

	if (!x)
		return err_nomem(err);
	x->fd = -1;
	pthread_mutex_init(&x->lock, NULL);
	for (; x->count < count; x->count++)
		x->images[x->count] = repo_image_get(images[x->count].image);
	r = vn_save_plan(x, images, err);
	if (r)
		vnode_free(&x->v);
	else
		*out = &x->v;
	return r;
}

/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn_save.h"

#include "fs/core/fs.h"
#include "fs/tree/vn_raw.h"
#include "store/archive/archive_save.h"
#include "store/disk/blob.h"

#include <errno.h>

struct vn_save {
	struct vnode v;
	struct archive_save *save; /* owned, set from the beginning */
	struct vn_raw raw;
	size_t count;
	struct repo_image *images[]; /* references */
};

static void save_free(struct vnode *v)
{
	struct vn_save *x = (struct vn_save *)v;

	for (size_t i = 0; i < x->count; i++)
		repo_image_put(x->images[i]);
	archive_save_close(x->save);
	vn_raw_clear(&x->raw);
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

/* They are small: each read takes one whole, with its digest. */
static int read_document_part(struct request *rq, const struct archive_save_part *p, size_t len,
			      struct buf *out, struct err *err)
{
	autobuf body = BUF_INIT;
	int r = blob_read(rq->fs->store, &p->digest, OCI_MANIFEST_MAX, &body, err);

	if (r)
		return r;
	if (p->from > body.len || len > body.len - p->from)
		return err_set(err, EIO, "a document is shorter than it was");
	buf_append(out, body.data + p->from, len);
	return 0;
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
		else if (p.layer == ARCHIVE_SAVE_DOCUMENT)
			r = read_document_part(rq, &p, n, out, err);
		else
			r = vn_raw_read(rq, &x->raw, x->images[p.image], p.layer, p.from, n, out,
					err);
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
		of[i] = (struct archive_save_image){.image = repo_image_image(images[i].image),
						    .named = images[i].named,
						    .named_count = images[i].named_count,
						    .references = images[i].references,
						    .count = images[i].count};
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
	vn_raw_init(&x->raw, &x->v.inode);
	for (; x->count < count; x->count++)
		x->images[x->count] = repo_image_get(images[x->count].image);
	r = vn_save_plan(x, images, err);
	if (r)
		vnode_free(&x->v);
	else
		*out = &x->v;
	return r;
}

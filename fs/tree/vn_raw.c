/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn_raw.h"

#include "fs/core/fs.h"
#include "fs/core/room.h"
#include "fs/tree/fetch.h"

#include <errno.h>

void vn_raw_init(struct vn_raw *w, struct inode *owner)
{
	w->owner = owner;
	pthread_mutex_init(&w->lock, NULL);
	w->raw = NULL;
}

void vn_raw_clear(struct vn_raw *w)
{
	raw_put(w->raw);
	pthread_mutex_destroy(&w->lock);
}

static int open_or_fetch(struct request *rq, const struct digest *digest, struct repo_image *image,
			 size_t layer, struct raw **out, struct err *err)
{
	int r = raw_open(rq->fs->store, digest, out, err);

	if (r != -ENOENT)
		return r;
	r = fetch_layer(rq, image, layer, err);
	if (!r)
		r = raw_open(rq->fs->store, digest, out, err);
	return r == -ENOENT ? err_set(err, EIO, "a blob is not there although it was just fetched")
			    : r;
}

/* A reference to the one that is open, if that is of use; or NULL. */
static struct raw *get_open(struct vn_raw *w, const struct digest *digest)
{
	struct raw *found = NULL;

	pthread_mutex_lock(&w->lock);
	if (w->raw && raw_is_current(w->raw) && digest_equal(&w->digest, digest))
		found = raw_get(w->raw);
	pthread_mutex_unlock(&w->lock);
	return found;
}

static void keep_open(struct fs *fs, struct vn_raw *w, const struct digest *digest, struct raw *raw)
{
	struct raw *old;

	pthread_mutex_lock(&w->lock);
	old = w->raw;
	w->raw = raw_get(raw);
	w->digest = *digest;
	pthread_mutex_unlock(&w->lock);
	raw_put(old);
	room_watch(fs, w->owner);
}

int vn_raw_read(struct request *rq, struct vn_raw *w, struct repo_image *image, size_t layer,
		uint64_t offset, size_t len, struct buf *out, struct err *err)
{
	const struct digest *digest = &repo_image_image(image)->manifest->layers[layer].digest;
	AUTO(raw_put) struct raw *raw = get_open(w, digest);
	int r;

	if (!raw) {
		r = open_or_fetch(rq, digest, image, layer, &raw, err);
		if (r)
			return r;
		keep_open(rq->fs, w, digest, raw);
	}
	r = raw_read(raw, offset, len, out, err);
	return r && !raw_is_current(raw) ? request_again(rq, err) : r;
}

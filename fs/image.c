/* SPDX-License-Identifier: MIT */
#include "fs/image.h"

#include "fs/fetch.h"
#include "fs/fs.h"
#include "store/blob.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct image {
	atomic_uint refs;
	struct ref repository;
	struct digest digest;
	struct index *index; /* owned; NULL: the digest names a manifest */
	pthread_mutex_t lock;
	atomic_bool ready;                     /* set under the lock, after what follows */
	struct descriptor manifest_descriptor; /* owned */
	struct manifest *manifest;             /* owned */
	struct config *config;                 /* owned */
};

static int read_manifest(struct image *i, const struct buf *body, const struct descriptor *d,
                         struct fs *fs, struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(config_free) struct config *c = NULL;
	autobuf config = BUF_INIT;
	int r = manifest_parse(body->data, body->len, d->media_type, &m, err);

	if (!r)
		r = blob_read(fs->store, &m->config.digest, OCI_CONFIG_MAX, &config, err);
	if (!r)
		r = config_parse(config.data, config.len, &c, err);
	if (!r)
		r = descriptor_copy(&i->manifest_descriptor, d, err);
	if (r < 0)
		return r;
	i->manifest = steal(&m);
	i->config = steal(&c);
	atomic_store_explicit(&i->ready, true, memory_order_release);
	return 0;
}

/* The manifest that serves the platform: the index's choice. -ENOENT where the store lacks a part. */
static int load_chosen(struct image *i, struct fs *fs, struct err *err)
{
	const struct descriptor *d;
	autobuf body = BUF_INIT;
	int r = index_choose(i->index, &fs->platform, &d, err);

	if (!r)
		r = blob_read(fs->store, &d->digest, OCI_MANIFEST_MAX, &body, err);
	return r < 0 ? r : read_manifest(i, &body, d, fs, err);
}

static int load_top(struct image *i, struct fs *fs, struct err *err)
{
	struct descriptor top = {.digest = i->digest};
	autobuf body = BUF_INIT;
	autojson *doc = NULL;
	enum oci_kind kind;
	int r = blob_read(fs->store, &i->digest, OCI_MANIFEST_MAX, &body, err);

	if (!r)
		r = json_parse(body.data, body.len, &doc, err);
	if (!r)
		r = oci_kind(doc, NULL, &kind, err);
	if (r < 0)
		return r;
	if (kind == OCI_KIND_INDEX) {
		r = index_parse(body.data, body.len, NULL, &i->index, err);
		if (!r)
			load_chosen(i, fs, NULL); /* what is missing is fetched when it is wanted */
		return r;
	}
	top.size = body.len;
	top.media_type = (char *)json_string(doc, "mediaType"); /* borrowed: copied by who keeps it */
	if (!top.media_type)
		top.media_type = OCI_TYPE_MANIFEST;
	r = read_manifest(i, &body, &top, fs, err);
	return r == -ENOENT ? 0 : r;
}

int image_open(struct fs *fs, const struct ref *repository, const struct digest *digest,
               struct image **out, struct err *err)
{
	AUTO(image_put) struct image *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return err_nomem(err);
	atomic_init(&i->refs, 1);
	pthread_mutex_init(&i->lock, NULL);
	r = ref_copy(&i->repository, repository, err);
	if (r < 0)
		return r;
	free(i->repository.tag);
	i->repository.tag = NULL;
	i->repository.has_digest = true;
	i->repository.digest = i->digest = *digest;
	r = load_top(i, fs, err);
	if (r < 0)
		return r;
	*out = steal(&i);
	return 0;
}

struct image *image_get(struct image *i)
{
	atomic_fetch_add(&i->refs, 1);
	return i;
}

void image_put(struct image *i)
{
	if (!i || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	ref_clear(&i->repository);
	index_free(i->index);
	descriptor_clear(&i->manifest_descriptor);
	manifest_free(i->manifest);
	config_free(i->config);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

int image_ready(struct request *rq, struct image *i, struct err *err)
{
	int r = 0;

	if (atomic_load_explicit(&i->ready, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&i->lock);
	if (!atomic_load_explicit(&i->ready, memory_order_relaxed))
		r = i->index ? load_chosen(i, rq->fs, err) : load_top(i, rq->fs, err);
	pthread_mutex_unlock(&i->lock);
	if (atomic_load_explicit(&i->ready, memory_order_acquire))
		return 0;
	/* A missing platform is an answer; missing blobs are fetched. */
	if (r < 0 && r != -ENOENT)
		return r;
	if (i->index) {
		const struct descriptor *d;

		r = index_choose(i->index, &rq->fs->platform, &d, err);
		if (r < 0)
			return r;
	}
	return fetch_image(rq, i, err);
}

const struct ref *image_repository(const struct image *i)
{
	return &i->repository;
}

const struct digest *image_digest(const struct image *i)
{
	return &i->digest;
}

const struct index *image_index(const struct image *i)
{
	return i->index;
}

const struct descriptor *image_manifest_descriptor(const struct image *i)
{
	return &i->manifest_descriptor;
}

const struct manifest *image_manifest(const struct image *i)
{
	return i->manifest;
}

const struct config *image_config(const struct image *i)
{
	return i->config;
}

struct timespec image_created(const struct image *i)
{
	struct timespec t = {0};
	int64_t seconds;
	uint32_t ns;

	if (atomic_load_explicit(&i->ready, memory_order_acquire) && i->config->created &&
	    !oci_time_parse(i->config->created, &seconds, &ns, NULL))
		t = (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
	return t;
}

/* SPDX-License-Identifier: MIT */
#include "fs/tree/repo_image.h"

#include "store/disk/blob.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct repo_image {
	atomic_uint refs;
	struct ref ref;
	struct descriptor top;
	struct index *index;	       /* owned; NULL: the digest names a manifest */
	_Atomic(struct image *) image; /* owned; set once */
};

int repo_image_load(struct fs *fs, struct repo_image *i, struct err *err)
{
	struct image *image, *none = NULL;
	int r;

	if (repo_image_image(i))
		return 0;
	r = image_open(fs->store, &i->top, &fs->platform, IMAGE_WISHED, &image, err);
	if (!r && !atomic_compare_exchange_strong(&i->image, &none, image))
		image_close(image); /* another thread was first */
	return r;
}

/* Reads what the digest names, and learns what kind of document it is. */
static int load_top(struct repo_image *i, struct fs *fs, const struct digest *digest,
		    struct err *err)
{
	autobuf body = BUF_INIT;
	autojson *doc = NULL;
	enum oci_kind kind;
	const char *type;
	int r = blob_read(fs->store, digest, OCI_MANIFEST_MAX, &body, err);

	if (!r)
		r = json_parse(body.data, body.len, &doc, err);
	if (!r)
		r = oci_kind(doc, NULL, &kind, err);
	if (r < 0)
		return r;
	type = json_string(doc, "mediaType");
	if (!type)
		type = kind == OCI_KIND_INDEX ? OCI_TYPE_INDEX : OCI_TYPE_MANIFEST;
	i->top.digest = *digest;
	i->top.size = body.len;
	i->top.media_type = strdup(type);
	if (!i->top.media_type)
		return err_nomem(err);
	return kind == OCI_KIND_INDEX ? index_parse(body.data, body.len, NULL, &i->index, err) : 0;
}

int repo_image_open(struct fs *fs, const struct ref *repository, const struct digest *digest,
		    struct repo_image **out, struct err *err)
{
	AUTO(repo_image_put) struct repo_image *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return err_nomem(err);
	atomic_init(&i->refs, 1);
	r = ref_copy(&i->ref, repository, err);
	if (r < 0)
		return r;
	free(i->ref.tag);
	i->ref.tag = NULL;
	i->ref.has_digest = true;
	i->ref.digest = *digest;
	r = load_top(i, fs, digest, err);
	if (r < 0)
		return r;
	repo_image_load(fs, i, NULL); /* what is missing is fetched when it is wanted */
	*out = steal(&i);
	return 0;
}

struct repo_image *repo_image_get(struct repo_image *i)
{
	unsigned before = atomic_fetch_add(&i->refs, 1);

	assert(before > 0);
	(void)before;
	return i;
}

void repo_image_put(struct repo_image *i)
{
	unsigned before = i ? atomic_fetch_sub(&i->refs, 1) : 0;

	assert(!i || before > 0);
	if (before != 1)
		return;
	ref_clear(&i->ref);
	descriptor_clear(&i->top);
	index_free(i->index);
	image_close(atomic_load(&i->image));
	free(i);
}

const struct ref *repo_image_ref(const struct repo_image *i)
{
	return &i->ref;
}

const struct descriptor *repo_image_top(const struct repo_image *i)
{
	return &i->top;
}

const struct index *repo_image_index(const struct repo_image *i)
{
	return i->index;
}

const struct image *repo_image_image(const struct repo_image *i)
{
	return atomic_load_explicit(&i->image, memory_order_acquire);
}

struct timespec repo_image_created(const struct repo_image *i)
{
	const struct image *image = repo_image_image(i);
	const char *created = image ? image->config->created : NULL;
	int64_t seconds;
	uint32_t ns;

	if (image && image->artifact)
		created = json_string(json_map(image->manifest->doc, "annotations"),
				      "org.opencontainers.image.created");
	if (!created || oci_time_parse(created, &seconds, &ns, NULL) < 0)
		return (struct timespec){0};
	return (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
}

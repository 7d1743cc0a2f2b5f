/* SPDX-License-Identifier: MIT */
#include "store/images/image.h"

#include "store/images/artifact.h"
#include "store/images/document.h"
#include "store/disk/blob.h"
#include "store/layer/layer_index.h"
#include "store/lazy/lazy.h"
#include "store/lazy/soci.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct descriptor *first_local(struct store *s, const struct index *index)
{
	for (size_t i = 0; i < index->count; i++) {
		const struct descriptor *d = &index->manifests[i];

		if (index_entry_is_image(d) && blob_exists(s, &d->digest, d->size))
			return d;
	}
	return NULL;
}

static int image_choose(struct store *s, const struct index *index, const struct platform *wish,
			enum image_choice choice, const struct descriptor **out, struct err *err)
{
	const struct descriptor *local;
	int r = index_choose(index, wish, out, err);

	if (choice == IMAGE_WISHED || (r < 0 && r != -ENOENT))
		return r;
	if (!r && blob_exists(s, &(*out)->digest, (*out)->size))
		return 0;
	local = first_local(s, index);
	if (local)
		*out = local;
	return local ? 0 : r;
}

/* The indexes on the way become those of `of`, if that is not NULL. */
static int resolve_by_way(struct store *s, const struct descriptor *top,
			  const struct platform *wish, enum image_choice choice, struct image *of,
			  struct descriptor *out, struct err *err)
{
	struct descriptor at = {0};
	int r = descriptor_copy(&at, top, err);

	for (int depth = 0; !r && oci_type_is_index(at.media_type); depth++) {
		AUTO(index_free) struct index *index = NULL;
		const struct descriptor *chosen;
		struct descriptor next = {0};
		autobuf body = BUF_INIT;

		if (depth == IMAGE_INDEX_DEPTH_MAX)
			r = err_set(err, EPROTO, "indexes nested deeper than %d",
				    IMAGE_INDEX_DEPTH_MAX);
		if (!r)
			r = document_read(s, &at, OCI_MANIFEST_MAX, &body, err);
		if (!r)
			r = index_parse(body.data, body.len, at.media_type, &index, err);
		if (!r)
			r = image_choose(s, index, wish, choice, &chosen, err);
		if (!r)
			r = descriptor_copy(&next, chosen, err);
		if (!r && of)
			of->indexes[of->index_count++] = at;
		else
			descriptor_clear(&at);
		at = next;
	}
	if (r < 0)
		descriptor_clear(&at);
	else
		*out = at;
	return r;
}

int image_resolve(struct store *s, const struct descriptor *top, const struct platform *wish,
		  enum image_choice choice, struct descriptor *out, struct err *err)
{
	return resolve_by_way(s, top, wish, choice, NULL, out, err);
}

static int read_artifact(struct store *s, struct image *i, struct err *err)
{
	const struct descriptor *config = &i->manifest->config;
	char digest[DIGEST_TEXT_MAX];

	if (!blob_exists(s, &config->digest, config->size))
		return err_set(err, ENOENT, "blob %s is not in the store",
			       digest_text(&config->digest, digest));
	i->artifact = true;
	return config_parse("{}", 2, &i->config, err);
}

static int read_documents(struct store *s, struct image *i, struct err *err)
{
	autobuf manifest = BUF_INIT, config = BUF_INIT;
	int r = document_read(s, &i->descriptor, OCI_MANIFEST_MAX, &manifest, err);

	if (!r)
		r = manifest_parse(manifest.data, manifest.len, i->descriptor.media_type,
				   &i->manifest, err);
	if (r < 0)
		return r;
	/* An artifact's config may be anything, and describes no image. */
	if (manifest_is_artifact(i->manifest))
		return read_artifact(s, i, err);
	r = document_read(s, &i->manifest->config, OCI_CONFIG_MAX, &config, err);
	if (!r)
		r = config_parse(config.data, config.len, &i->config, err);
	/* It describes none of the layers: they are something else (eStargz' external tables). */
	i->artifact = !r && i->config->diff_id_count == 0 && i->manifest->layer_count > 0;
	return r;
}

int image_open(struct store *s, const struct descriptor *top, const struct platform *wish,
	       enum image_choice choice, struct image **out, struct err *err)
{
	AUTO(image_close) struct image *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return err_nomem(err);
	r = descriptor_copy(&i->top, top, err);
	if (!r)
		r = resolve_by_way(s, top, wish, choice, i, &i->descriptor, err);
	if (!r)
		r = read_documents(s, i, err);
	if (!r)
		*out = steal(&i);
	return r;
}

void image_close(struct image *i)
{
	if (!i)
		return;
	config_free(i->config);
	manifest_free(i->manifest);
	descriptor_clear(&i->descriptor);
	descriptor_clear(&i->top);
	for (size_t k = 0; k < i->index_count; k++)
		descriptor_clear(&i->indexes[k]);
	free(i);
}

uint64_t image_layer_size(struct store *s, const struct image *i, size_t layer, bool *indexed)
{
	const struct descriptor *d = &i->manifest->layers[layer];
	uint64_t size = d->size;
	bool found = layer_index_peek(s, &d->digest, &size, NULL) == 0;

	if (indexed)
		*indexed = found;
	return size;
}

uint64_t image_size(struct store *s, const struct image *i, bool *indexed)
{
	uint64_t sum = 0;
	bool all = true;

	for (size_t layer = 0; layer < i->manifest->layer_count; layer++) {
		bool one;
		uint64_t size = image_layer_size(s, i, layer, &one);

		all &= one;
		if (__builtin_add_overflow(sum, size, &sum))
			sum = UINT64_MAX;
	}
	if (indexed)
		*indexed = all;
	return sum;
}

struct layer_name image_layer_name(struct store *s, const struct manifest *m, size_t layer)
{
	const struct descriptor *d = &m->layers[layer];
	struct layer_vouchers vouchers = {0};
	struct digest index;
	struct lazy lazy;

	if (lazy_find(d, &lazy, NULL) == 0 && lazy.format != LAZY_NONE)
		memcpy(vouchers.table, lazy.table.bytes, sizeof(vouchers.table));
	if (soci_index_digest(m, &index))
		memcpy(vouchers.soci, index.bytes, sizeof(vouchers.soci));
	return layer_name_of(s, &d->digest, &vouchers);
}

struct layer_name *image_layer_names(struct store *s, const struct manifest *m, size_t first,
				     size_t count)
{
	struct layer_name *names = calloc(count + 1, sizeof(*names));

	assert(first <= m->layer_count && count <= m->layer_count - first);
	for (size_t i = 0; names && i < count; i++)
		names[i] = image_layer_name(s, m, first + i);
	return names;
}

bool image_layers_shown(struct store *s, const struct manifest *m, size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++)
		if (image_layer_name(s, m, i).check == LAYER_CHECK_BLOCKS &&
		    !image_layers_local(s, m, i, 1))
			return false;
	return true;
}

bool image_layers_local(struct store *s, const struct manifest *m, size_t first, size_t count)
{
	assert(first <= m->layer_count && count <= m->layer_count - first);
	for (size_t i = first; i < first + count; i++)
		if (!blob_exists(s, &m->layers[i].digest, m->layers[i].size))
			return false;
	return true;
}

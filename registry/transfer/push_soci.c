/* SPDX-License-Identifier: MIT */
#include "registry/transfer/push_soci.h"

#include "registry/transfer/pull.h"
#include "registry/transfer/push_blobs.h"
#include "registry/transfer/push_referrer.h"
#include "store/disk/blob.h"
#include "store/images/image.h"
#include "store/lazy/lazy.h"
#include "store/lazy/soci.h"
#include "store/lazy/ztoc.h"
#include "store/lazy/ztoc_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EMPTY	   "{}"
#define SPAN_SIZE  "com.amazon.soci.span-size"
#define NUMBER_MAX 32

struct soci_push {
	const struct transfer *transfer;
	const struct ref *ref;
	struct image *image; /* owned, as are these */
	struct push_blobs *blobs;
	struct json_object *layers; /* what the index has: zTOCs */
	struct digest config;	    /* of EMPTY */
};

static void soci_push_clear(struct soci_push *p)
{
	push_blobs_close(p->blobs);
	image_close(p->image);
	json_object_put(p->layers);
}

static struct json_object *describe(const char *type, const struct digest *digest, uint64_t size)
{
	autojson *o = json_object_new_object();
	char text[DIGEST_TEXT_MAX];

	if (json_add_text(o, "mediaType", type) &&
	    json_add_text(o, "digest", digest_text(digest, text)) &&
	    json_add(o, "size", json_object_new_uint64(size)))
		return steal(&o);
	return NULL;
}

/* ---- zTOCs ---- */

/* A blob of ours, which goes to the registry. */
static int keep_blob(struct soci_push *p, const void *data, size_t len, struct digest *digest,
		     struct err *err)
{
	const struct transfer *t = p->transfer;
	struct descriptor d = {.size = len};
	int r = digest_of(DIGEST_SHA256, data, len, digest, err);

	d.digest = *digest;
	if (!r)
		r = transfer_hold(t, digest, err);
	if (!r)
		r = blob_put(t->store, digest, data, len, err);
	return r ? r : push_blobs_add(p->blobs, &d, false, err);
}

static struct json_object *describe_ztoc(const struct descriptor *layer,
					 const struct digest *digest, uint64_t size)
{
	autojson *o = describe(SOCI_ZTOC_TYPE, digest, size), *notes = json_object_new_object();
	char text[DIGEST_TEXT_MAX], number[NUMBER_MAX];

	snprintf(number, sizeof(number), "%u", ZTOC_SPAN_SIZE);
	if (json_add_text(notes, SOCI_LAYER_DIGEST, digest_text(&layer->digest, text)) &&
	    json_add_text(notes, SOCI_LAYER_TYPE, layer->media_type) &&
	    json_add_text(notes, SPAN_SIZE, number) && json_add(o, "annotations", steal(&notes)))
		return steal(&o);
	return NULL;
}

static int keep_ztoc(struct soci_push *p, const struct descriptor *layer, const struct buf *ztoc,
		     struct err *err)
{
	struct json_object *o;
	char text[DIGEST_TEXT_MAX];
	struct digest digest;
	int r = keep_blob(p, ztoc->data, ztoc->len, &digest, err);

	if (r)
		return r;
	o = describe_ztoc(layer, &digest, ztoc->len);
	if (!o || json_object_array_add(p->layers, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	transfer_blob_line(p->transfer, &layer->digest, "zTOC ", digest_text(&digest, text));
	return 0;
}

static bool has_table(const struct descriptor *layer)
{
	struct lazy lazy;

	return lazy_find(layer, &lazy, NULL) != 0 || lazy.format != LAZY_NONE;
}

static bool is_repeated(const struct manifest *m, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (digest_equal(&m->layers[i].digest, &m->layers[layer].digest))
			return true;
	return false;
}

static int make_ztoc(struct soci_push *p, const struct descriptor *layer, struct err *err)
{
	autobuf ztoc = BUF_INIT;
	enum compression compression;
	struct err why = {0};
	int r = has_table(layer) ? err_set(&why, EOPNOTSUPP, "it brings a table of its own")
				 : soci_compression(layer->media_type, &compression, &why);

	if (!r)
		r = ztoc_write(p->transfer->store, &layer->digest, p->transfer->cancel, &ztoc,
			       &why);
	if (!r)
		return keep_ztoc(p, layer, &ztoc, err);
	if (r != -EOPNOTSUPP)
		return err_set(err, -r, "%s", why.text);
	transfer_blob_line(p->transfer, &layer->digest, "No zTOC: ", why.text);
	return 0;
}

static int make_ztocs(struct soci_push *p, struct err *err)
{
	const struct manifest *m = p->image->manifest;
	char text[DIGEST_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < m->layer_count; i++) {
		if (is_repeated(m, i) || m->layers[i].foreign)
			continue;
		r = make_ztoc(p, &m->layers[i], err);
		if (r)
			err_context(err, "layer %s", digest_text(&m->layers[i].digest, text));
	}
	if (!r && json_object_array_length(p->layers) == 0)
		r = err_set(err, EOPNOTSUPP, "no layer of it can have a zTOC");
	return r;
}

/* ---- the index ---- */

static int soci_push_index(const struct soci_push *p, struct buf *out, struct err *err)
{
	autojson *o = json_object_new_object(), *notes = json_object_new_object();
	const struct descriptor *image = &p->image->descriptor;
	const char *text = NULL;

	if (json_add(o, "schemaVersion", json_object_new_int(2)) &&
	    json_add_text(o, "mediaType", OCI_TYPE_MANIFEST) &&
	    json_add(o, "config", describe(SOCI_TYPE_V1, &p->config, strlen(EMPTY))) &&
	    json_add(o, "layers", json_object_get(p->layers)) &&
	    json_add(o, "subject", describe(image->media_type, &image->digest, image->size)) &&
	    json_add_text(notes, SOCI_BUILD_TOOL, ZTOC_TOOL) &&
	    json_add(o, "annotations", steal(&notes)))
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);
	buf_puts(out, text ? text : "");
	return text && !buf_failed(out) ? 0 : err_nomem(err);
}

static int send_index(struct soci_push *p, struct err *err)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, /* both borrowed */
			       .artifact_type = (char *)SOCI_TYPE_V1};
	char text[DIGEST_TEXT_MAX];
	autobuf body = BUF_INIT;
	int r = keep_blob(p, EMPTY, strlen(EMPTY), &p->config, err);

	if (!r)
		r = soci_push_index(p, &body, err);
	if (!r)
		r = digest_of(DIGEST_SHA256, body.data, body.len, &d.digest, err);
	if (!r)
		r = push_blobs_send(p->blobs, err);
	d.size = body.len;
	if (!r)
		r = push_referrer(p->transfer, p->ref, &p->image->descriptor.digest, &d, &body,
				  err);
	if (!r)
		transfer_line(p->transfer, "SOCI index: digest: %s size: %zu",
			      digest_text(&d.digest, text), body.len);
	return r;
}

int push_soci(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	      struct err *err)
{
	struct soci_push p = {.transfer = t, .ref = ref, .layers = json_object_new_array()};
	int r = p.layers ? image_open(t->store, top, t->platform, IMAGE_WISHED, &p.image, err)
			 : err_nomem(err);

	if (!r && p.image->artifact)
		r = err_set(err, EOPNOTSUPP, "it is no image");
	if (!r)
		r = pull_layers(t, ref, p.image->manifest, p.image->config, false, err);
	if (!r)
		r = push_blobs_open(t, ref, &p.blobs, err);
	if (!r)
		r = make_ztocs(&p, err);
	if (!r)
		r = send_index(&p, err);
	soci_push_clear(&p);
	return r;
}

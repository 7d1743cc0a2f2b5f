/* SPDX-License-Identifier: MIT */
#include "registry/transfer/push.h"

#include "registry/transfer/pull_blob.h"
#include "registry/transfer/pull_manifest.h"
#include "registry/transfer/push_blobs.h"
#include "registry/api/api_upload.h"
#include "store/images/image.h"
#include "store/disk/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DOCUMENTS_MAX (2 * OCI_INDEX_MAX)

/* A manifest or index that is pushed. */
struct document {
	struct descriptor descriptor; /* owned */
	struct buf body;
};

/* All of an image: what is needed comes before what needs it. */
struct plan {
	const struct transfer *transfer;
	const struct ref *ref;	    /* where to */
	const struct digest *top;   /* what was asked for */
	struct document *documents; /* owned */
	size_t count;
	struct push_blobs *blobs; /* owned */
	bool missing;		  /* content that is not here cannot be had */
};

static void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		descriptor_clear(&p->documents[i].descriptor);
		buf_free(&p->documents[i].body);
	}
	free(p->documents);
	push_blobs_close(p->blobs);
}

/* ---- what is not here ---- */

static int fetch_from(const struct plan *p, const struct ref *from, const struct descriptor *d,
		      bool blobs, struct err *err)
{
	const struct transfer *t = p->transfer;
	autobuf body = BUF_INIT;
	AUTO(manifest_free) struct manifest *m = NULL;
	int r = pull_manifest_document(t, from, d, &body, err);

	if (r || !blobs)
		return r;
	r = manifest_parse(body.data, body.len, d->media_type, &m, err);
	if (!r)
		r = pull_blob(t, from, &m->config, err);
	return r ? r : pull_blob_all(t, from, m, err);
}

/* Fetching from elsewhere would end the same. */
static bool is_ours(int r)
{
	return r == -ENOSPC || r == -EFBIG || r == -ENOMEM || r == -EIO || r == -EINTR;
}

/* From a repository that the store knows for the same image. Of several that fail, one that has it
 * not says least. */
static int push_fetch_document(struct plan *p, const struct descriptor *d, bool blobs,
			       struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	struct err why = {.code = ENOENT, .text = "and cannot be fetched"};
	char text[DIGEST_TEXT_MAX];
	int r = names_get(p->transfer->store, &names, err);

	for (size_t i = 0; !r && i < names_count(names); i++) {
		const struct name *n = names_at(names, i);
		autoref from = REF_INIT;
		struct err e = {0};

		if (!digest_equal(&n->descriptor.digest, p->top) ||
		    ref_parse(n->reference, &from, NULL) < 0)
			continue;
		r = fetch_from(p, &from, d, blobs, &e);
		if (!r)
			return 0;
		if (why.code == ENOENT && r != -ENOENT)
			why = e, why.code = -r;
		if (!is_ours(r) && cancel_check(p->transfer->cancel, NULL) == 0)
			r = 0; /* another name may do */
		else if (err)
			*err = e;
	}
	if (r < 0)
		return r;
	p->missing = true;
	return err_set(err, why.code, "content of %s is not here%s %s",
		       digest_text(&d->digest, text), why.code == ENOENT ? "," : ":", why.text);
}

static bool blobs_are_here(const struct plan *p, const struct manifest *m)
{
	struct store *s = p->transfer->store;

	for (size_t i = 0; i < m->layer_count; i++)
		if (!m->layers[i].foreign && !image_layers_local(s, m, i, 1))
			return false;
	return blob_exists(s, &m->config.digest, m->config.size);
}

/* ---- the plan ---- */

static int push_load(struct plan *p, const struct descriptor *d, struct buf *body, struct err *err)
{
	int r = transfer_hold(p->transfer, &d->digest, err);

	if (!r)
		r = blob_read(p->transfer->store, &d->digest, OCI_MANIFEST_MAX, body, err);
	if (r != -ENOENT)
		return r;
	r = push_fetch_document(p, d, false, err);
	return r ? r : blob_read(p->transfer->store, &d->digest, OCI_MANIFEST_MAX, body, err);
}

static int push_add_document(struct plan *p, const struct descriptor *d, struct buf *body,
			     struct err *err)
{
	struct document *all = reallocarray(p->documents, p->count + 1, sizeof(*all));
	int r;

	if (!all)
		return err_nomem(err);
	p->documents = all;
	all[p->count] = (struct document){.body = *body};
	*body = (struct buf)BUF_INIT;
	r = descriptor_copy(&all[p->count].descriptor, d, err);
	p->count++;
	return r;
}

static int add_manifest(struct plan *p, const struct descriptor *d, struct buf *body,
			struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	int r = manifest_parse(body->data, body->len, d->media_type, &m, err);

	if (!r)
		r = push_blobs_add(p->blobs, &m->config, false, err);
	for (size_t i = 0; !r && i < m->layer_count; i++)
		r = push_blobs_add(p->blobs, &m->layers[i], true, err);
	if (!r && !blobs_are_here(p, m))
		r = push_fetch_document(p, d, true, err);
	return r ? r : push_add_document(p, d, body, err);
}

static int push_add(struct plan *p, const struct descriptor *d, int depth, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	autobuf body = BUF_INIT;
	int r = push_load(p, d, &body, err);

	if (r)
		return r;
	if (!oci_type_is_index(d->media_type))
		return add_manifest(p, d, &body, err);
	if (depth == IMAGE_INDEX_DEPTH_MAX || p->count > DOCUMENTS_MAX)
		return err_set(err, EPROTO, "indexes nested deeper than %d", IMAGE_INDEX_DEPTH_MAX);
	r = index_parse(body.data, body.len, d->media_type, &index, err);
	for (size_t i = 0; !r && i < index->count; i++)
		r = push_add(p, &index->manifests[i], depth + 1, err);
	return r ? r : push_add_document(p, d, &body, err);
}

static int push_make_plan(struct plan *p, const struct transfer *t, const struct ref *ref,
			  const struct descriptor *asked, const struct descriptor *top,
			  struct err *err)
{
	int r;

	*p = (struct plan){.transfer = t, .ref = ref, .top = &asked->digest};
	r = push_blobs_open(t, ref, &p->blobs, err);
	return r ? r : push_add(p, top, 0, err);
}

/* ---- sending ---- */

static int put_documents(const struct plan *p, struct err *err)
{
	const struct api_upload u = {
	    .registry = p->transfer->registry, .repository = p->ref, .cancel = p->transfer->cancel};
	autoref child = REF_INIT;
	int r = ref_copy(&child, p->ref, err);

	free(child.tag);
	child.tag = NULL;
	for (size_t i = 0; !r && i < p->count; i++) {
		const struct document *d = &p->documents[i];

		r = api_upload_manifest(&u, i + 1 == p->count ? p->ref : &child,
					d->descriptor.media_type, &d->descriptor.digest, &d->body,
					err);
	}
	return r;
}

static int send(const struct plan *p, struct err *err)
{
	const struct document *top = &p->documents[p->count - 1];
	char text[DIGEST_TEXT_MAX];
	int r = push_blobs_send(p->blobs, err);

	if (!r)
		r = put_documents(p, err);
	if (!r)
		transfer_line(p->transfer, "%s: digest: %s size: %zu", p->ref->tag,
			      digest_text(&top->descriptor.digest, text), top->body.len);
	return r;
}

/* The manifest of the index that is here, where the others cannot be had: docker pushes that then,
 * and says so. */
static int fall_back(struct plan *p, const struct transfer *t, const struct ref *ref,
		     const struct descriptor *top, struct err *err)
{
	char from[DIGEST_TEXT_MAX], to[DIGEST_TEXT_MAX];
	struct descriptor one = {0};
	int r = image_resolve(t->store, top, t->platform, IMAGE_LOCAL, &one, err);

	if (r)
		return r;
	plan_clear(p);
	r = push_make_plan(p, t, ref, top, &one, err);
	if (!r)
		transfer_line(
		    t,
		    " Info -> Not all multiplatform-content is present and only the available "
		    "single-platform image was pushed\n         %s -> %s",
		    digest_text(&top->digest, from), digest_text(&one.digest, to));
	descriptor_clear(&one);
	return r;
}

static int push_descriptor(const struct transfer *t, const struct ref *ref,
			   const struct descriptor *asked, const struct descriptor *top,
			   struct err *err)
{
	autofree char *repository = ref_repository(ref);
	struct plan p;
	int r;

	if (!repository)
		return err_nomem(err);
	transfer_line(t, "The push refers to repository [%s]", repository);
	r = push_make_plan(&p, t, ref, asked, top, err);
	if (r && p.missing && oci_type_is_index(top->media_type))
		r = fall_back(&p, t, ref, top, err);
	if (!r)
		r = send(&p, err);
	plan_clear(&p);
	return r;
}

/* The platform of an image; false for what has none, as artifacts. */
static int platform_of(const struct transfer *t, const struct descriptor *d, struct platform *out,
		       bool *has, struct err *err)
{
	AUTO(image_close) struct image *image = NULL;
	int r = 0;

	*has = true;
	if (d->has_platform) {
		*out = d->platform;
		return 0;
	}
	r = image_open(t->store, d, t->platform, IMAGE_WISHED, &image, err);
	if (r)
		return r;
	*has = !image->artifact;
	*out = image->config->platform;
	return 0;
}

/* A platform that is asked for is pushed, and no other that would do in its place. */
static int push_choose(const struct transfer *t, const char *familiar, const struct descriptor *top,
		       struct descriptor *out, struct err *err)
{
	const struct platform *wish = t->platform;
	char text[PLATFORM_TEXT_MAX];
	struct platform is;
	bool has;
	int r = image_resolve(t->store, top, wish, IMAGE_WISHED, out, err);

	if (!r)
		r = platform_of(t, out, &is, &has, err);
	if (r || !has || platform_equal(&is, wish))
		return r;
	return err_set(err, ENOENT,
		       "image with reference %s was found but does not provide the specified "
		       "platform (%s)",
		       familiar, platform_text(wish, text));
}

int push_image(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	       bool one_platform, struct err *err)
{
	autofree char *familiar = ref_familiar(ref);
	struct descriptor one = {0};
	int r = familiar ? 0 : err_nomem(err);

	if (!r && one_platform)
		r = push_choose(t, familiar, top, &one, err);
	if (!r)
		r = push_descriptor(t, ref, top, one_platform ? &one : top, err);
	descriptor_clear(&one);
	return r < 0 ? err_context(err, "push %s", familiar ? familiar : "") : 0;
}

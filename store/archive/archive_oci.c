/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_oci.h"

#include "store/images/artifact.h"
#include "store/disk/blob.h"
#include "store/disk/layout_name.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX     4	    /* of indexes in indexes */
#define DOCUMENTS_MAX 10000 /* that one load looks at */

struct oci_walk {
	struct archive_plan *plan; /* borrowed, as is all here */
	const struct archive_members *members;
	const struct platform *only;
	unsigned documents; /* so far */
};

/* The file that has the digest in its name. What is in it is looked at when it is planned. */
static struct quarantine *archive_oci_find(const struct oci_walk *w, const struct digest *d)
{
	char path[BLOB_PATH_MAX];

	return archive_members_find(w->members, blob_path(d, path));
}

static int take_blob(struct oci_walk *w, const struct descriptor *d, struct err *err)
{
	return archive_plan_blob(w->plan, &d->digest, d->size, archive_oci_find(w, &d->digest),
				 err);
}

/* From the archive, or from the store. */
static int archive_oci_read_document(struct oci_walk *w, const struct digest *d,
				     const struct quarantine *q, struct buf *out, struct err *err)
{
	int r = q ? quarantine_read(q, OCI_MANIFEST_MAX, out, err)
		  : archive_plan_read(w->plan, d, OCI_MANIFEST_MAX, out, err);

	return r == -EFBIG
		   ? err_set(err, EBADMSG, "a document larger than %u bytes", OCI_MANIFEST_MAX)
		   : r;
}

/* A manifest or an index, which is planned when all below it is. -ENOENT where it is nowhere. */
static int take_document(struct oci_walk *w, const struct descriptor *d, struct buf *out,
			 struct err *err)
{
	const struct quarantine *q = archive_oci_find(w, &d->digest);

	if (++w->documents > DOCUMENTS_MAX)
		return err_set(err, EBADMSG, "more than %d manifests", DOCUMENTS_MAX);
	if (q && !digest_equal(quarantine_digest(q), &d->digest))
		return take_blob(w, d, err); /* which says so */
	if (!q && !archive_plan_has(w->plan, &d->digest, d->size))
		return err_set(err, ENOENT, "neither in the archive nor in the store");
	return archive_oci_read_document(w, &d->digest, q, out, err);
}

static int archive_oci_check_layer(struct oci_walk *w, const struct descriptor *layer, size_t n,
				   const struct digest *diff_id, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	char text[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	int r = archive_plan_layer(w->plan, &layer->digest, archive_oci_find(w, &layer->digest),
				   &index, err);

	if (r < 0)
		return err_context(err, "layer %s", digest_text(&layer->digest, text));
	if (digest_equal(layer_index_diff_id(index), diff_id))
		return 0;
	return err_set(err, EBADMSG, "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", n,
		       digest_text(diff_id, text), digest_text(layer_index_diff_id(index), got));
}

/* The config of what is an image; *out stays NULL for an artifact, whose blobs are no layers. */
static int read_config(struct oci_walk *w, const struct manifest *m, struct config **out,
		       struct err *err)
{
	autobuf text = BUF_INIT;
	int r;

	if (manifest_is_artifact(m))
		return 0;
	r = archive_oci_read_document(w, &m->config.digest, archive_oci_find(w, &m->config.digest),
				      &text, err);
	if (!r)
		r = config_parse(text.data, text.len, out, err);
	if (!r && w->only && platform_rank(w->only, &(*out)->platform) < 0)
		r = err_set(err, ENOENT, "an image for another platform");
	return r;
}

static int check_layers(struct oci_walk *w, const struct manifest *m, const struct config *config,
			struct err *err)
{
	int r = 0;

	if (m->layer_count != config->diff_id_count)
		return err_set(err, EBADMSG,
			       "invalid manifest, layers length mismatch: expected %zu, got %zu",
			       m->layer_count, config->diff_id_count);
	for (size_t n = 0; !r && n < m->layer_count; n++)
		r = archive_oci_check_layer(w, &m->layers[n], n, &config->diff_ids[n], err);
	return r;
}

/* -ENOENT where something of it is nowhere: looked at first, so that of a platform that is not
 * whole nothing is taken. */
static int look_for_blobs(struct oci_walk *w, const struct manifest *m, struct err *err)
{
	for (size_t i = 0; i <= m->layer_count; i++) {
		const struct descriptor *d = i ? &m->layers[i - 1] : &m->config;
		char text[DIGEST_TEXT_MAX];

		if (!archive_oci_find(w, &d->digest) &&
		    !archive_plan_has(w->plan, &d->digest, d->size))
			return err_set(err, ENOENT,
				       "blob %s is neither in the archive nor in the store",
				       digest_text(&d->digest, text));
	}
	return 0;
}

static int take_manifest(struct oci_walk *w, const struct descriptor *d, const struct buf *text,
			 struct digest *id, struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(config_free) struct config *config = NULL;
	int r = manifest_parse(text->data, text->len, d->media_type, &m, err);

	if (!r)
		r = look_for_blobs(w, m, err);
	if (!r)
		r = read_config(w, m, &config, err);
	if (!r)
		r = take_blob(w, &m->config, err);
	for (size_t i = 0; !r && i < m->layer_count; i++)
		r = take_blob(w, &m->layers[i], err);
	if (!r && config)
		r = check_layers(w, m, config, err);
	if (!r)
		*id = m->config.digest;
	return r;
}

static int archive_oci_take(struct oci_walk *w, const struct descriptor *d, int depth,
			    struct digest *id, struct err *err);

/* Of a type that nobody knows: the specification wants it passed over. */
static bool is_unknown(const struct descriptor *d)
{
	return !oci_type_is_index(d->media_type) && !oci_type_is_manifest(d->media_type);
}

/* At least one of its entries is whole; *id is of the first that is. */
static int take_index(struct oci_walk *w, const struct descriptor *d, const struct buf *text,
		      int depth, struct digest *id, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	bool any = false;
	int r = depth > DEPTH_MAX
		    ? err_set(err, EBADMSG, "more than %d indexes in indexes", DEPTH_MAX)
		    : index_parse(text->data, text->len, d->media_type, &index, err);

	for (size_t i = 0; !r && i < index->count; i++) {
		const struct descriptor *entry = &index->manifests[i];
		struct digest of;

		if (w->only && entry->has_platform && platform_rank(w->only, &entry->platform) < 0)
			continue;
		if (is_unknown(entry)) {
			archive_plan_skip(w->plan, entry);
			continue;
		}
		r = archive_oci_take(w, entry, depth + 1, &of, err);
		if (!r && !any)
			*id = of;
		any = any || !r;
		r = r == -ENOENT ? 0 : r;
	}
	return !r && !any ? err_set(err, ENOENT, "no image of the index is in the archive") : r;
}

/* A descriptor and all below it. -ENOENT where what it needs is nowhere. */
static int archive_oci_take(struct oci_walk *w, const struct descriptor *d, int depth,
			    struct digest *id, struct err *err)
{
	bool index = oci_type_is_index(d->media_type);
	autobuf text = BUF_INIT;
	char name[DIGEST_TEXT_MAX];
	int r = cancel_check(archive_plan_cancel(w->plan), err);

	if (!r)
		r = take_document(w, d, &text, err);
	if (!r)
		r = index ? take_index(w, d, &text, depth, id, err)
			  : take_manifest(w, d, &text, id, err);
	if (!r)
		r = take_blob(w, d, err);
	return r < 0 ? err_context(err, "%s", digest_text(&d->digest, name)) : 0;
}

/* A name that says a digest is of no other image. */
static int check_digest_of_name(const char *reference, const struct descriptor *d, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	autoref ref = REF_INIT;
	int r = ref_parse(reference, &ref, err);

	if (r || !ref.has_digest || digest_equal(&ref.digest, &d->digest))
		return r;
	return err_set(err, EBADMSG, "%s: the archive names the image so, whose digest is %s",
		       reference, digest_text(&d->digest, text));
}

/* Where one platform is wanted, images of others only are none. */
static int take_named(struct oci_walk *w, const struct descriptor *d, struct err *err)
{
	autofree char *reference = NULL;
	struct digest id;
	int r;

	if (is_unknown(d)) {
		archive_plan_skip(w->plan, d);
		return 0;
	}
	r = archive_oci_take(w, d, 0, &id, err);
	if (r == -ENOENT && w->only)
		return 0;
	if (!r)
		r = layout_reference(d->annotations, &reference, err);
	if (!r && reference)
		r = check_digest_of_name(reference, d, err);
	return r ? r : archive_plan_image(w->plan, reference, d, &id, err);
}

static int archive_oci_check_version(const struct archive_members *m, struct err *err)
{
	autobuf text = BUF_INIT;
	autojson *doc = NULL;
	const char *version;
	int r = archive_members_read(m, "oci-layout", &text, err);

	if (!r)
		r = json_parse(text.data, text.len, &doc, err);
	if (r < 0)
		return err_context(err, "oci-layout");
	version = json_string(doc, "imageLayoutVersion");
	if (version && strcmp(version, "1.0.0") == 0)
		return 0;
	return err_set(err, EOPNOTSUPP, "unsupported OCI version %.40s", version ? version : "");
}

int archive_oci_plan(struct archive_plan *p, const struct archive_members *m,
		     const struct platform *only, struct err *err)
{
	struct oci_walk w = {.plan = p, .members = m, .only = only};
	AUTO(index_free) struct index *index = NULL;
	autobuf text = BUF_INIT;
	int r = archive_oci_check_version(m, err);

	if (!r)
		r = archive_members_read(m, "index.json", &text, err);
	if (!r)
		r = index_parse(text.data, text.len, NULL, &index, err);
	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < index->count; i++)
		r = take_named(&w, &index->manifests[i], err);
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * The documents of an image. A tag is resolved to a digest once; from there on everything goes by
 * digest, so that one consistent image results whatever happens to the tag meanwhile. A document
 * is believed when its bytes have its digest, and its content agrees with the type that the registry
 * sends and the type in the descriptor that led to it (store/oci/oci.h, oci_kind).
 */
#include "registry/transfer/pull_manifest.h"

#include "registry/transfer/pull_blob.h"
#include "store/disk/blob.h"
#include "store/images/document.h"
#include "store/images/image.h"
#include "store/disk/names.h"

#include <errno.h>
#include <string.h>

/* ---- one document ---- */

static int check_kind(const struct buf *body, const char *declared, enum oci_kind *kind,
		      struct err *err)
{
	autojson *doc = NULL;
	int r = json_parse(body->data ? body->data : "", body->len, &doc, err);

	return r < 0 ? r : oci_kind(doc, declared, kind, err);
}

/* Fetches what a reference names, checks it against the Content-Type and the descriptor (NULL: it
 * comes by its name), and stores it. */
static int pull_manifest_fetch_document(const struct transfer *t, const struct ref *ref,
					const struct descriptor *d, struct manifest_answer *a,
					enum oci_kind *kind, struct err *err)
{
	const struct digest *digest = ref->has_digest ? &ref->digest : &a->digest;
	int r = registry_manifest(t->registry, ref, t->cancel, a, err);

	if (!r)
		r = check_kind(&a->body, a->content_type, kind, err);
	if (!r && d)
		r = document_check_size(d, a->body.len, err);
	if (!r)
		r = transfer_hold(t, digest, err);
	if (!r)
		r = blob_put(t->store, digest, a->body.data, a->body.len, err);
	return r;
}

/* A blob that has rotted in the store is fetched anew, and so is one of another size than the
 * descriptor says: the registry's answer tells then. */
int pull_manifest_document(const struct transfer *t, const struct ref *repository,
			   const struct descriptor *d, struct buf *body, struct err *err)
{
	struct manifest_answer a = {0};
	autoref ref = REF_INIT;
	enum oci_kind kind;
	int r = transfer_hold(t, &d->digest, err);

	if (!r)
		r = document_read(t->store, d, OCI_MANIFEST_MAX, body, err);
	if (r != -ENOENT && r != -EBADMSG)
		return r;
	buf_reset(body);
	r = ref_copy_by_digest(&ref, repository, &d->digest, err);
	if (!r)
		r = pull_manifest_fetch_document(t, &ref, d, &a, &kind, err);
	if (!r)
		buf_append(body, a.body.data, a.body.len);
	registry_manifest_clear(&a);
	return !r && buf_failed(body) ? err_nomem(err) : r;
}

/* ---- the config ---- */

static int fetch_config(const struct transfer *t, const struct ref *repository,
			const struct descriptor *d, struct err *err)
{
	autobuf body = BUF_INIT;
	int r = transfer_hold(t, &d->digest, err);

	if (r < 0 || document_read(t->store, d, OCI_CONFIG_MAX, &body, NULL) == 0)
		return r;
	buf_reset(&body);
	r = pull_blob_small(t, repository, d, OCI_CONFIG_MAX, &body, err);
	if (!r)
		r = blob_put(t->store, &d->digest, body.data ? body.data : "", body.len, err);
	if (r < 0)
		err_context(err, "config");
	return r;
}

/* ---- what belongs together ---- */

static int complete_manifest(const struct transfer *t, const struct ref *repository,
			     const struct descriptor *d, const struct buf *body, struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	int r = manifest_parse(body->data, body->len, d->media_type, &m, err);

	return r < 0 ? r : fetch_config(t, repository, &m->config, err);
}

static int complete(const struct transfer *t, const struct ref *repository,
		    const struct descriptor *d, int depth, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	const struct descriptor *chosen;
	autobuf body = BUF_INIT;
	int r = pull_manifest_document(t, repository, d, &body, err);

	if (r < 0)
		return r;
	if (!oci_type_is_index(d->media_type))
		return complete_manifest(t, repository, d, &body, err);
	if (depth == IMAGE_INDEX_DEPTH_MAX)
		return err_set(err, EPROTO, "indexes nested deeper than %d", IMAGE_INDEX_DEPTH_MAX);
	r = index_parse(body.data, body.len, d->media_type, &index, err);
	if (!r)
		r = index_choose(index, t->platform, &chosen, err);
	return r < 0 ? r : complete(t, repository, chosen, depth + 1, err);
}

int pull_manifest_by_descriptor(const struct transfer *t, const struct ref *repository,
				const struct descriptor *d, struct err *err)
{
	return complete(t, repository, d, 0, err);
}

/* ---- the top ---- */

static int pull_manifest_describe(const struct buf *body, const struct digest *digest,
				  const char *declared, enum oci_kind kind, struct descriptor *out,
				  struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(index_free) struct index *i = NULL;
	int r = kind == OCI_KIND_INDEX ? index_parse(body->data, body->len, declared, &i, err)
				       : manifest_parse(body->data, body->len, declared, &m, err);

	if (r < 0)
		return r;
	*out = (struct descriptor){.digest = *digest, .size = body->len};
	out->media_type = strdup(i ? i->media_type : m->media_type);
	return out->media_type ? 0 : err_nomem(err);
}

/* The name under which a reference is recorded: its tag where it has one, though it be pulled by
 * digest. */
static char *recorded_name(const struct ref *ref)
{
	struct ref r = *ref; /* borrows the strings */

	r.has_digest = ref->has_digest && !ref->tag;
	return ref_full(&r);
}

enum { UNCHANGED = 1 };

/* UNCHANGED where the store has what the reference names, and the registry, asked by a HEAD, means
 * the same by the tag still (a digest needs no asking). */
static int is_unchanged(const struct transfer *t, const struct ref *ref, const struct name *name,
			struct err *err)
{
	struct digest now = ref->digest;
	int r = name ? transfer_hold(t, &name->descriptor.digest, err) : 0;

	if (r < 0 || !name ||
	    !blob_exists(t->store, &name->descriptor.digest, name->descriptor.size))
		return r;
	if (!ref->has_digest)
		r = registry_manifest_digest(t->registry, ref, t->cancel, &now, err);
	return r < 0 ? r : digest_equal(&now, &name->descriptor.digest) ? UNCHANGED : 0;
}

static int fetch_top(const struct transfer *t, const struct ref *ref, struct descriptor *top,
		     struct err *err)
{
	struct manifest_answer a = {0};
	enum oci_kind kind;
	int r = pull_manifest_fetch_document(t, ref, NULL, &a, &kind, err);

	if (!r)
		r = pull_manifest_describe(&a.body, ref->has_digest ? &ref->digest : &a.digest,
					   a.content_type, kind, top, err);
	registry_manifest_clear(&a);
	return r;
}

/* docker's name for the empty image, which no registry has. */
static int pull_manifest_check_name(const struct ref *ref, struct err *err)
{
	if (strcmp(ref->domain, "docker.io") == 0 && strcmp(ref->path, "library/scratch") == 0)
		return err_set(err, EINVAL, "'scratch' is a reserved name");
	return 0;
}

/* What the reference names, in the store: *unchanged where that is what its name says already. */
static int find_top(const struct transfer *t, const struct ref *ref, struct descriptor *top,
		    bool *unchanged, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *recorded = recorded_name(ref);
	const struct name *name;
	int r = recorded ? pull_manifest_check_name(ref, err) : err_nomem(err);

	if (!r)
		r = store_writable(t->store, err);
	if (!r)
		r = names_get(t->store, &names, err);
	if (r < 0)
		return r;
	name = names_find(names, recorded);
	r = is_unchanged(t, ref, name, err);
	if (r < 0)
		return r;
	*unchanged = r == UNCHANGED;
	return *unchanged ? descriptor_copy(top, &name->descriptor, err)
			  : fetch_top(t, ref, top, err);
}

int pull_manifest_documents(const struct transfer *t, const struct ref *ref, struct descriptor *top,
			    bool *unchanged, struct err *err)
{
	int r = find_top(t, ref, top, unchanged, err);

	if (!r)
		r = complete(t, ref, top, 0, err);
	if (r < 0)
		descriptor_clear(top);
	return r;
}

/* True for an index that has nothing for the platform: it can still be looked at. */
static bool pull_manifest_lacks_platform(const struct transfer *t, const struct descriptor *top)
{
	AUTO(index_free) struct index *index = NULL;
	const struct descriptor *chosen;
	autobuf body = BUF_INIT;

	return oci_type_is_index(top->media_type) &&
	       blob_read(t->store, &top->digest, OCI_MANIFEST_MAX, &body, NULL) == 0 &&
	       index_parse(body.data, body.len, top->media_type, &index, NULL) == 0 &&
	       index_choose(index, t->platform, &chosen, NULL) == -ENOENT;
}

bool pull_manifest_is_recorded(const struct transfer *t, const struct ref *ref,
			       const struct descriptor *top)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *recorded = recorded_name(ref);
	const struct name *name;

	if (!recorded || names_get(t->store, &names, NULL) < 0)
		return false;
	name = names_find(names, recorded);
	return name && !name->dangling && !name->looked_up &&
	       digest_equal(&name->descriptor.digest, &top->digest);
}

int pull_manifest_record(const struct transfer *t, const struct ref *ref,
			 const struct descriptor *top, bool looked_up, struct err *err)
{
	autofree char *recorded = recorded_name(ref);
	struct names_change change = {.reference = recorded, .set = top, .looked_up = looked_up};

	return recorded ? names_edit(t->store, &change, 1, err) : err_nomem(err);
}

int pull_manifest(const struct transfer *t, const struct ref *ref, struct descriptor *top,
		  struct err *err)
{
	bool unchanged;
	int r = find_top(t, ref, top, &unchanged, err);

	if (!r && !pull_manifest_lacks_platform(t, top))
		r = complete(t, ref, top, 0, err);
	if (!r && !unchanged)
		r = pull_manifest_record(t, ref, top, true, err);
	if (r < 0)
		descriptor_clear(top);
	return r;
}

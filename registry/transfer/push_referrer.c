/* SPDX-License-Identifier: MIT */
#include "registry/transfer/push_referrer.h"

#include "registry/api/api_referrers.h"
#include "registry/api/api_upload.h"

#include <errno.h>
#include <string.h>

static struct json_object *descriptor_object(const struct descriptor *d)
{
	autojson *o = json_object_new_object();
	char text[DIGEST_TEXT_MAX];

	if (json_add_text(o, "mediaType", d->media_type) &&
	    json_add_text(o, "digest", digest_text(&d->digest, text)) &&
	    json_add(o, "size", json_object_new_uint64(d->size)) &&
	    json_add_text(o, "artifactType", d->artifact_type))
		return steal(&o);
	return NULL;
}

static struct json_object *empty_index(void)
{
	autojson *o = json_object_new_object();

	if (json_add(o, "schemaVersion", json_object_new_int(2)) &&
	    json_add_text(o, "mediaType", OCI_TYPE_INDEX) &&
	    json_add(o, "manifests", json_object_new_array()))
		return steal(&o);
	return NULL;
}

/* The index that the tag names; where there is none an empty one. There is none, either, where the
 * registry denies a tag that it lacks, or takes the tag for the digest of the image. */
static int get_tagged_list(const struct transfer *t, const struct ref *tag,
			   const struct digest *image, struct json_object **out, struct err *err)
{
	struct manifest_answer a = {0};
	enum oci_kind kind;
	int r = registry_manifest(t->registry, tag, t->cancel, &a, err);

	if (!r && digest_equal(&a.digest, image))
		r = -ENOENT;
	if (!r)
		r = json_parse(a.body.data ? a.body.data : "", a.body.len, out, err);
	if (!r)
		r = oci_kind(*out, a.content_type, &kind, err);
	if (!r && (kind != OCI_KIND_INDEX || !json_array(*out, "manifests")))
		r = err_set(err, EPROTO, "the tag %s is of something else than a list of referrers",
			    tag->tag);
	registry_manifest_clear(&a);
	if (r == -ENOENT || r == -EACCES) {
		*out = empty_index();
		r = *out ? 0 : err_nomem(err);
	}
	return r;
}

static bool lists(const struct json_object *manifests, const struct digest *digest)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	for (size_t i = 0; i < json_object_array_length(manifests); i++) {
		const char *one = json_string(json_object_array_get_idx(manifests, i), "digest");

		if (one && strcmp(one, text) == 0)
			return true;
	}
	return false;
}

static int put_list(const struct api_upload *u, const struct ref *tag, struct json_object *list,
		    struct err *err)
{
	const char *text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_NOSLASHESCAPE);
	struct digest digest;
	autobuf body = BUF_INIT;
	int r;

	buf_puts(&body, text ? text : "");
	if (!text || buf_failed(&body))
		return err_nomem(err);
	r = digest_of(DIGEST_SHA256, body.data, body.len, &digest, err);
	return r ? r : api_upload_manifest(u, tag, OCI_TYPE_INDEX, &digest, &body, err);
}

static int add_to_tag(const struct transfer *t, const struct api_upload *u,
		      const struct digest *image, const struct descriptor *d, struct err *err)
{
	autoref tag = REF_INIT;
	autojson *list = NULL;
	char name[REFERRER_TAG_MAX];
	struct json_object *manifests, *one;
	int r = ref_copy(&tag, u->repository, err);

	if (r)
		return r;
	free(tag.tag);
	tag.has_digest = false;
	tag.tag = strdup(api_referrers_tag(image, "", name));
	r = tag.tag ? get_tagged_list(t, &tag, image, &list, err) : err_nomem(err);
	if (r)
		return r;
	manifests = json_array(list, "manifests");
	if (lists(manifests, &d->digest))
		return 0;
	one = descriptor_object(d);
	if (!one || json_object_array_add(manifests, one)) {
		json_object_put(one);
		return err_nomem(err);
	}
	return put_list(u, &tag, list, err);
}

int push_referrer(const struct transfer *t, const struct ref *repository,
		  const struct digest *image, const struct descriptor *d, const struct buf *body,
		  struct err *err)
{
	const struct api_upload u = {
	    .registry = t->registry, .repository = repository, .cancel = t->cancel};
	autoref artifact = REF_INIT, subject = REF_INIT;
	bool kept;
	int r = ref_copy_by_digest(&artifact, repository, &d->digest, err);

	if (!r)
		r = ref_copy_by_digest(&subject, repository, image, err);
	if (!r)
		r = api_upload_manifest(&u, &artifact, d->media_type, &d->digest, body, err);
	if (!r)
		r = registry_keeps_referrers(t->registry, &subject, t->cancel, &kept, err);
	return r || kept ? r : add_to_tag(t, &u, image, d, err);
}

/* SPDX-License-Identifier: MIT */
#include "registry/api/api_referrers.h"

#include "registry/api/api_pages.h"
#include "store/images/artifact.h"
#include "store/base/json.h"
#include "store/base/map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct referrers_call {
	struct registry *registry;
	const struct ref *image;
	struct cancel *cancel;
	struct referrer_list *out;
	struct map *seen; /* digest → its place in the list, and 1 */
};

void api_referrers_clear(struct referrer_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		descriptor_clear(&l->at[i].descriptor);
		free(l->at[i].tag);
	}
	free(l->at);
	*l = (struct referrer_list){0};
}

const char *api_referrers_tag(const struct digest *d, const char *suffix,
			      char tag[static REFERRER_TAG_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(tag, REFERRER_TAG_MAX, "%s-%.64s%s", digest_algorithm_name(d), digest_hex(d, hex),
		 suffix);
	return tag;
}

/* ---- the list ---- */

static int api_referrers_grow(struct referrer_list *l, struct err *err)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	struct referrer *at;

	if (l->count < l->cap)
		return 0;
	if (l->count >= REFERRERS_MAX)
		return err_set(err, EPROTO, "more than %d referrers", REFERRERS_MAX);
	at = reallocarray(l->at, cap, sizeof(*at));
	if (!at)
		return err_nomem(err);
	l->at = at;
	l->cap = cap;
	return 0;
}

/* Adds what is not there yet; keeps the tag. Copies the descriptor. Nothing refers to itself. */
static int api_referrers_add(struct referrers_call *c, const struct descriptor *d, const char *tag,
			     struct err *err)
{
	struct referrer_list *l = c->out;
	char key[DIGEST_TEXT_MAX];
	size_t place;
	int r;

	if (digest_equal(&d->digest, &c->image->digest))
		return 0;
	digest_text(&d->digest, key);
	place = (size_t)map_get(c->seen, key, strlen(key));
	if (!place) {
		r = api_referrers_grow(l, err);
		if (r < 0)
			return r;
		l->at[l->count] = (struct referrer){0};
		r = descriptor_copy(&l->at[l->count].descriptor, d, err);
		if (r < 0)
			return r;
		place = ++l->count;
		if (map_put(c->seen, key, strlen(key), (void *)place) < 0)
			return err_nomem(err);
	}
	if (tag && !l->at[place - 1].tag) {
		l->at[place - 1].tag = strdup(tag);
		if (!l->at[place - 1].tag)
			return err_nomem(err);
	}
	return 0;
}

static int add_index(struct referrers_call *c, const struct buf *body, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	int r = index_parse(body->data ? body->data : "", body->len, OCI_TYPE_INDEX, &index, err);

	for (size_t i = 0; !r && i < index->count; i++)
		r = api_referrers_add(c, &index->manifests[i], NULL, err);
	return r;
}

/* ---- the registry's list ---- */

static bool is_index_type(const char *type)
{
	size_t n = strcspn(type ? type : "", "; \t");

	return n == strlen(OCI_TYPE_INDEX) && !strncasecmp(type, OCI_TYPE_INDEX, n);
}

/* A page of another type comes from a server that answers everything, and has no such list. */
static int take_page(void *arg, const struct http_answer *a, const struct buf *body,
		     struct err *err)
{
	struct referrers_call *c = arg;

	if (!is_index_type(header_get(http_headers(a), "Content-Type")))
		return err_set(err, ENOENT, "the list of referrers is no image index");
	return add_index(c, body, err);
}

static int ask_list(struct referrers_call *c, struct err *err)
{
	static const char *const fields[] = {"Accept: " OCI_TYPE_INDEX, NULL};
	AUTO(registry_put) struct registry *inside = NULL;
	char text[DIGEST_TEXT_MAX], first[DIGEST_TEXT_MAX + 16];
	int r = registry_enter(c->registry, c->image->domain, err);

	if (r < 0)
		return r;
	inside = c->registry;
	snprintf(first, sizeof(first), "referrers/%s", digest_text(&c->image->digest, text));

	struct api_pages pages = {.request = {.registry = c->registry,
					      .repository = c->image,
					      .method = "GET",
					      .fields = fields,
					      .cancel = c->cancel},
				  .first = first,
				  .what = "list of referrers",
				  .page = take_page,
				  .arg = c,
				  .optional = true};

	return registry_result(c->registry, api_pages(&pages, err));
}

/* ---- tags ---- */

static int get_tag(struct referrers_call *c, const char *tag, struct manifest_answer *a,
		   struct err *err)
{
	autoref ref = REF_INIT;
	int r = ref_copy(&ref, c->image, err);

	if (r < 0)
		return r;
	ref.has_digest = false;
	free(ref.tag);
	ref.tag = strdup(tag);
	return ref.tag ? registry_manifest(c->registry, &ref, c->cancel, a, err) : err_nomem(err);
}

/* Some registries deny a tag that is not there (Artifactory: 403). */
static bool is_no_tag(int r)
{
	return r == -ENOENT || r == -EACCES;
}

static int api_referrers_kind_of(const struct manifest_answer *a, enum oci_kind *kind,
				 struct err *err)
{
	autojson *doc = NULL;
	int r = json_parse(a->body.data ? a->body.data : "", a->body.len, &doc, err);

	return r < 0 ? r : oci_kind(doc, a->content_type, kind, err);
}

/* The index of the tag schema; a manifest of that name is something else. So is the image itself:
 * some registries take the tag sha256-HEX for its digest (GitLab), and then the images of an index
 * would stand there as what refers to it. */
static int ask_tag_schema(struct referrers_call *c, struct err *err)
{
	struct manifest_answer a = {0};
	char tag[REFERRER_TAG_MAX];
	enum oci_kind kind;
	int r = get_tag(c, api_referrers_tag(&c->image->digest, "", tag), &a, err);

	bool itself = !r && digest_equal(&a.digest, &c->image->digest);

	if (!r && !itself)
		r = api_referrers_kind_of(&a, &kind, err);
	if (!r && !itself && kind == OCI_KIND_INDEX)
		r = add_index(c, &a.body, err);
	registry_manifest_clear(&a);
	return is_no_tag(r) ? 0 : r;
}

/* What a tag of cosign's names, as the descriptor that the registry's list would have of it. */
static int add_tagged(struct referrers_call *c, const char *tag, const struct manifest_answer *a,
		      struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	struct descriptor d = {.digest = a->digest, .size = a->body.len};
	enum oci_kind kind;
	int r = api_referrers_kind_of(a, &kind, err);

	if (!r && kind == OCI_KIND_MANIFEST) {
		r = manifest_parse(a->body.data, a->body.len, a->content_type, &m, err);
		if (!r)
			d.artifact_type = (char *)manifest_artifact_type(m); /* borrowed */
	}
	d.media_type = m ? m->media_type : (char *)OCI_TYPE_INDEX;
	return r < 0 ? r : api_referrers_add(c, &d, tag, err);
}

static int ask_cosign_tags(struct referrers_call *c, struct err *err)
{
	static const char *const suffixes[] = {".sig", ".att", ".sbom"};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		struct manifest_answer a = {0};
		char tag[REFERRER_TAG_MAX];

		r = get_tag(c, api_referrers_tag(&c->image->digest, suffixes[i], tag), &a, err);
		if (!r)
			r = add_tagged(c, tag, &a, err);
		registry_manifest_clear(&a);
		if (is_no_tag(r))
			r = 0;
	}
	return r;
}

int registry_referrers(struct registry *registry, const struct ref *image, struct cancel *cancel,
		       struct referrer_list *out, struct err *err)
{
	struct referrers_call c = {
	    .registry = registry, .image = image, .cancel = cancel, .out = out, .seen = map_new()};
	autofree char *name = ref_familiar(image);
	struct err why = {0};
	int list = c.seen && name ? ask_list(&c, &why) : err_nomem(&why);
	int r = list;

	if (is_no_tag(list))
		r = ask_tag_schema(&c, err);
	else if (list < 0)
		err_set(err, -list, "%s", why.text);
	if (!r)
		r = ask_cosign_tags(&c, err);
	/* A list that is denied is no list that is empty, unless the tags have something. */
	if (!r && list == -EACCES && !out->count)
		r = err_set(err, EACCES, "%s", why.text);
	map_free(c.seen);
	if (r < 0)
		api_referrers_clear(out);
	if (r < 0 && r != -EACCES && r != -EINTR)
		err_context(err, "referrers of %s", name ? name : "");
	return r;
}

int registry_keeps_referrers(struct registry *registry, const struct ref *image,
			     struct cancel *cancel, bool *out, struct err *err)
{
	struct referrer_list list = {0};
	struct referrers_call c = {.registry = registry,
				   .image = image,
				   .cancel = cancel,
				   .out = &list,
				   .seen = map_new()};
	int r = c.seen ? ask_list(&c, err) : err_nomem(err);

	*out = r == 0;
	map_free(c.seen);
	api_referrers_clear(&list);
	return is_no_tag(r) ? 0 : r;
}

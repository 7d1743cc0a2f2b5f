/* SPDX-License-Identifier: MIT */
#include "store/oci/oci.h"

#include <errno.h>
#include <string.h>

/* Common to manifests and indexes: size, JSON, kind, and the media type that holds for it. */
static int parse_document(const char *data, size_t len, const char *declared, enum oci_kind kind,
			  struct json_object **doc, char **media_type, struct err *err)
{
	autojson *o = NULL;
	enum oci_kind found;
	const char *type;
	int r;

	if (len > OCI_MANIFEST_MAX)
		return err_set(err, EPROTO, "larger than %u bytes", OCI_MANIFEST_MAX);
	r = json_parse(data, len, &o, err);
	if (!r)
		r = oci_kind(o, declared, &found, err);
	if (r)
		return r;
	if (found != kind)
		return err_set(err, EPROTO, "not an image %s but an image %s",
			       kind == OCI_KIND_INDEX ? "index" : "manifest",
			       found == OCI_KIND_INDEX ? "index" : "manifest");
	type = json_string(o, "mediaType");
	if (!type || !type[0])
		type = kind == OCI_KIND_INDEX ? OCI_TYPE_INDEX : OCI_TYPE_MANIFEST;
	*media_type = strdup(type);
	if (!*media_type)
		return err_nomem(err);
	*doc = steal(&o);
	return 0;
}

/* An array; null counts as empty, as Go writes an empty list. */
static int get_list(const struct json_object *doc, const char *key, struct json_object **out,
		    struct err *err)
{
	*out = json_array(doc, key);
	if (!*out && json_member(doc, key))
		return err_set(err, EPROTO, "\"%s\" is no array", key);
	return 0;
}

/* What the document refers to. A subject that is no descriptor is none: other programs do not look
 * at it when they run an image. */
static bool get_subject(const struct json_object *doc, struct digest *subject)
{
	const struct json_object *o = json_map(doc, "subject");
	struct descriptor d;

	if (!o || descriptor_parse(o, &d, NULL) < 0)
		return false;
	*subject = d.digest;
	descriptor_clear(&d);
	return true;
}

int manifest_parse(const char *data, size_t len, const char *declared, struct manifest **out,
		   struct err *err)
{
	AUTO(manifest_free) struct manifest *m = calloc(1, sizeof(*m));
	struct json_object *layers, *config;
	int r;

	if (!m)
		return err_nomem(err);
	r = parse_document(data, len, declared, OCI_KIND_MANIFEST, &m->doc, &m->media_type, err);
	if (r)
		return err_context(err, "image manifest");
	config = json_map(m->doc, "config");
	if (!config)
		return err_set(err, EPROTO, "image manifest: \"config\" is missing or no object");
	r = descriptor_parse_silent(config, OCI_TYPE_BYTES, &m->config, err);
	if (r)
		return err_context(err, "image manifest: config");
	r = get_list(m->doc, "layers", &layers, err);
	if (!r)
		r = descriptor_parse_list(layers, "layers", OCI_LAYERS_MAX, &m->layers,
					  &m->layer_count, err);
	if (r)
		return err_context(err, "image manifest");
	m->has_subject = get_subject(m->doc, &m->subject);
	*out = steal(&m);
	return 0;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	free(m->media_type);
	descriptor_clear(&m->config);
	descriptor_free_list(m->layers, m->layer_count);
	json_object_put(m->doc);
	free(m);
}

int index_parse(const char *data, size_t len, const char *declared, struct index **out,
		struct err *err)
{
	AUTO(index_free) struct index *i = calloc(1, sizeof(*i));
	struct json_object *manifests;
	int r;

	if (!i)
		return err_nomem(err);
	r = parse_document(data, len, declared, OCI_KIND_INDEX, &i->doc, &i->media_type, err);
	if (!r)
		r = get_list(i->doc, "manifests", &manifests, err);
	if (!r)
		r = descriptor_parse_list(manifests, "manifests", OCI_INDEX_MAX, &i->manifests,
					  &i->count, err);
	if (r)
		return err_context(err, "image index");
	i->has_subject = get_subject(i->doc, &i->subject);
	*out = steal(&i);
	return 0;
}

void index_free(struct index *i)
{
	if (!i)
		return;
	free(i->media_type);
	descriptor_free_list(i->manifests, i->count);
	json_object_put(i->doc);
	free(i);
}

bool index_entry_is_attestation(const struct descriptor *d)
{
	const char *type = json_string(d->annotations, "vnd.docker.reference.type");

	return (type && strcmp(type, "attestation-manifest") == 0) ||
	       (strcmp(d->platform.os, "unknown") == 0 &&
		strcmp(d->platform.architecture, "unknown") == 0);
}

/* The table of contents of an image beside it, which has the image's platform. */
static bool is_soci_index(const struct descriptor *d)
{
	return d->artifact_type &&
	       strncmp(d->artifact_type, OCI_SOCI_INDEX_TYPES, strlen(OCI_SOCI_INDEX_TYPES)) == 0;
}

bool index_entry_is_image(const struct descriptor *d)
{
	return !index_entry_is_attestation(d) && !is_soci_index(d);
}

/* "linux/amd64, linux/arm64": every platform once, as far as a sentence can hold. */
static void list_platforms(const struct index *index, char *list, size_t size)
{
	char text[PLATFORM_TEXT_MAX];
	size_t used = 0, len, i, j;

	list[0] = '\0';
	for (i = 0; i < index->count; i++) {
		const struct descriptor *d = &index->manifests[i];

		if (!d->has_platform || !index_entry_is_image(d))
			continue;
		for (j = 0; j < i; j++)
			if (platform_equal(&index->manifests[j].platform, &d->platform))
				break;
		len = strlen(platform_text(&d->platform, text));
		if (j < i)
			continue;
		if (used + len + 8 > size) {
			strcpy(list + used, ", …");
			return;
		}
		if (used)
			used = (size_t)(stpcpy(list + used, ", ") - list);
		used = (size_t)(stpcpy(list + used, text) - list);
	}
}

int index_choose(const struct index *index, const struct platform *wish,
		 const struct descriptor **out, struct err *err)
{
	const struct descriptor *best = NULL, *unnamed = NULL;
	char list[600], text[PLATFORM_TEXT_MAX];
	int best_rank = 0, rank;

	for (size_t i = 0; i < index->count; i++) {
		const struct descriptor *d = &index->manifests[i];

		if (!index_entry_is_image(d))
			continue;
		if (!d->has_platform) {
			if (!unnamed && !d->artifact_type &&
			    (oci_type_is_manifest(d->media_type) ||
			     oci_type_is_index(d->media_type)))
				unnamed = d;
			continue;
		}
		rank = platform_rank(wish, &d->platform);
		if (rank >= 0 && (!best || rank < best_rank)) {
			best = d;
			best_rank = rank;
		}
	}
	/* An entry that names none (umoci writes such) serves any, where nothing fits better. */
	if (!best)
		best = unnamed;
	if (!best) {
		list_platforms(index, list, sizeof(list));
		return err_set(
		    err, ENOENT,
		    "no matching manifest for %s in the manifest list entries; it has %s",
		    platform_text(wish, text), list[0] ? list : "no image");
	}
	*out = best;
	return 0;
}

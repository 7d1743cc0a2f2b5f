/* SPDX-License-Identifier: MIT */
#include "store/oci/oci.h"

#include <errno.h>
#include <string.h>

void descriptor_clear(struct descriptor *d)
{
	free(d->media_type);
	free(d->artifact_type);
	json_object_put(d->annotations);
	memset(d, 0, sizeof(*d));
}

/* The annotations are copied, too: counts of json-c's references are not atomic, and a descriptor
 * may be copied from a document that other threads read. */
int descriptor_copy(struct descriptor *to, const struct descriptor *from, struct err *err)
{
	struct descriptor d = *from;

	d.annotations = NULL;
	d.media_type = from->media_type ? strdup(from->media_type) : NULL;
	d.artifact_type = from->artifact_type ? strdup(from->artifact_type) : NULL;
	if ((from->media_type && !d.media_type) || (from->artifact_type && !d.artifact_type) ||
	    (from->annotations && json_object_deep_copy(from->annotations, &d.annotations, NULL))) {
		descriptor_clear(&d);
		return err_nomem(err);
	}
	*to = d;
	return 0;
}

/* RFC 6838 and whatever else can stand in a header and a table. */
static bool is_type(const char *type)
{
	for (const char *p = type; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return type[0] && strlen(type) <= 255;
}

static int parse_types(const struct json_object *o, const char *otherwise, struct descriptor *d,
		       struct err *err)
{
	const char *type = json_string(o, "mediaType"), *of = json_string(o, "artifactType");

	if (otherwise && (!json_member(o, "mediaType") || (type && !*type)))
		type = otherwise;
	if (!type)
		return err_set(err, EPROTO, "descriptor: \"mediaType\" is missing or no string");
	if (!is_type(type))
		return err_set(err, EPROTO, "descriptor: invalid media type");
	d->media_type = strdup(type);
	d->artifact_type = of && is_type(of) ? strdup(of) : NULL;
	return d->media_type && (!of || d->artifact_type || !is_type(of)) ? 0 : err_nomem(err);
}

/* One that is none is as good as absent: it costs this entry its platform, not the index. */
static void take_platform(const struct json_object *o, struct descriptor *out)
{
	const struct json_object *p = json_map(o, "platform");
	const char *os = json_string(p, "os"), *architecture = json_string(p, "architecture");

	if (platform_set(&out->platform, os, architecture, json_string(p, "variant"), NULL))
		out->platform = (struct platform){0};
	out->has_platform = out->platform.os[0] || out->platform.architecture[0];
}

static bool is_foreign(const struct json_object *o, const char *type)
{
	const struct json_object *urls = json_array(o, "urls");

	return (urls && json_object_array_length(urls) > 0) || strstr(type, ".nondistributable.") ||
	       strstr(type, ".rootfs.foreign.");
}

static int descriptor_parse_one(const struct json_object *o, const char *otherwise,
				struct descriptor *d, struct err *err)
{
	const char *digest = json_string(o, "digest");
	struct err why = {0};
	int r = parse_types(o, otherwise, d, err);

	if (r)
		return r;
	if (!digest)
		return err_set(err, EPROTO, "descriptor: \"digest\" is missing or no string");
	if (digest_parse(digest, &d->digest, &why))
		return err_set(err, EPROTO, "descriptor: %s", why.text);
	r = json_u64(o, "size", OCI_BLOB_SIZE_MAX, &d->size, err);
	if (r)
		return err_context(err, "descriptor %s", digest);
	d->foreign = is_foreign(o, d->media_type);
	d->annotations = json_object_get(json_map(o, "annotations"));
	take_platform(o, d);
	return 0;
}

int descriptor_parse_silent(const struct json_object *o, const char *media_type,
			    struct descriptor *out, struct err *err)
{
	int r;

	memset(out, 0, sizeof(*out));
	r = descriptor_parse_one(o, media_type, out, err);
	if (r)
		descriptor_clear(out);
	return r;
}

int descriptor_parse(const struct json_object *o, struct descriptor *out, struct err *err)
{
	return descriptor_parse_silent(o, NULL, out, err);
}

int descriptor_parse_list(const struct json_object *array, const char *what, size_t max,
			  struct descriptor **out, size_t *count, struct err *err)
{
	size_t n = array ? json_object_array_length(array) : 0;
	struct descriptor *list;
	int r;

	if (n > max)
		return err_set(err, EPROTO, "%zu %s: more than %zu", n, what, max);
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		r = descriptor_parse(json_object_array_get_idx(array, i), &list[i], err);
		if (r) {
			descriptor_free_list(list, i);
			return err_context(err, "%s, entry %zu", what, i);
		}
	}
	*out = list;
	*count = n;
	return 0;
}

void descriptor_free_list(struct descriptor *list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		descriptor_clear(&list[i]);
	free(list);
}

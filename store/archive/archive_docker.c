/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_docker.h"

#include "store/oci/ref.h"

#include <errno.h>
#include <string.h>

#define IMAGES_MAX 1000 /* of one archive */

/*
 * The archive has configs and layers, and no manifest in the sense of registries. Docker's own
 * (containerd's import) makes one of version 2, schema 2, in this form, and so do we: the config
 * stays as it is, so that its digest, the image ID, does; its type says what it is, a config of
 * docker's with members that OCI does not know (Healthcheck, OnBuild); layers stay as they came,
 * so that their digests and diff_ids do.
 */
static const char *layer_type(enum compression c)
{
	switch (c) {
	case COMPRESSION_NONE:
		break;
	case COMPRESSION_GZIP:
		return "application/vnd.docker.image.rootfs.diff.tar.gzip";
	case COMPRESSION_ZSTD:
		return "application/vnd.docker.image.rootfs.diff.tar.zstd";
	}
	return "application/vnd.docker.image.rootfs.diff.tar";
}

static void put_descriptor(struct buf *out, const char *type, const struct digest *digest,
			   uint64_t size)
{
	char text[DIGEST_TEXT_MAX];

	buf_printf(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", type,
		   digest_text(digest, text), (unsigned long long)size);
}

int archive_docker_manifest(struct archive_plan *p, const struct digest *config, uint64_t size,
			    const struct archive_layer *layers, size_t count,
			    struct descriptor *out, struct err *err)
{
	autobuf text = BUF_INIT;

	buf_puts(&text,
		 "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_TYPE_MANIFEST "\",\"config\":");
	put_descriptor(&text, DOCKER_TYPE_CONFIG, config, size);
	buf_puts(&text, ",\"layers\":[");
	for (size_t i = 0; i < count; i++) {
		buf_puts(&text, i ? "," : "");
		put_descriptor(&text, layer_type(layers[i].compression), &layers[i].digest,
			       layers[i].size);
	}
	buf_puts(&text, "]}");
	if (buf_failed(&text))
		return err_nomem(err);
	return archive_plan_document(p, DOCKER_TYPE_MANIFEST, &text, out, err);
}

/* One image of manifest.json. */
struct docker_image {
	struct archive_plan *plan; /* borrowed, as are those that follow */
	const struct archive_members *members;
	const struct json_object *layers;
	struct quarantine *file;    /* its config, */
	struct config *config;	    /* owned: parsed */
	struct archive_layer *list; /* owned */
	size_t count;
};

static void archive_docker_image_clear(struct docker_image *i)
{
	config_free(i->config);
	free(i->list);
}
#define autoimage __attribute__((cleanup(archive_docker_image_clear))) struct docker_image

/* A member that manifest.json names by a path. */
static int archive_docker_find(const struct archive_members *m, const struct json_object *o,
			       const char *what, const char **path, struct quarantine **out,
			       struct err *err)
{
	*path = json_text(o);
	if (!*path)
		return err_set(err, EBADMSG, "manifest.json: a %s that is no path", what);
	*out = archive_members_find(m, *path);
	return *out ? 0 : err_set(err, ENOENT, "%s %.200s is not in the archive", what, *path);
}

static int take_config(struct docker_image *i, const struct json_object *o, struct err *err)
{
	autobuf text = BUF_INIT;
	const char *path;
	int r = archive_docker_find(i->members, json_member(o, "Config"), "image config", &path,
				    &i->file, err);

	if (!r)
		r = archive_members_read(i->members, path, &text, err);
	if (!r)
		r = config_parse(text.data, text.len, &i->config, err);
	return r ? r
		 : archive_plan_blob(i->plan, quarantine_digest(i->file), quarantine_size(i->file),
				     i->file, err);
}

static int take_layer(struct docker_image *i, size_t n, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	struct archive_layer *layer = &i->list[n];
	char expected[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	struct quarantine *q;
	const char *path;
	int r = archive_docker_find(i->members, json_object_array_get_idx(i->layers, n), "layer",
				    &path, &q, err);

	if (r < 0)
		return r;
	layer->digest = *quarantine_digest(q);
	layer->size = quarantine_size(q);
	r = archive_plan_layer(i->plan, &layer->digest, q, &index, err);
	if (r < 0)
		return err_context(err, "layer %.200s", path);
	if (!digest_equal(layer_index_diff_id(index), &i->config->diff_ids[n]))
		return err_set(err, EBADMSG,
			       "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", n,
			       digest_text(&i->config->diff_ids[n], expected),
			       digest_text(layer_index_diff_id(index), got));
	layer->compression = layer_index_compression(index);
	return archive_plan_blob(i->plan, &layer->digest, layer->size, q, err);
}

static int take_layers(struct docker_image *i, struct err *err)
{
	int r = 0;

	i->count = i->layers ? json_object_array_length(i->layers) : 0;
	if (i->count != i->config->diff_id_count)
		return err_set(err, EBADMSG,
			       "invalid manifest, layers length mismatch: expected %zu, got %zu",
			       i->count, i->config->diff_id_count);
	i->list = calloc(i->count + 1, sizeof(*i->list));
	if (!i->list)
		return err_nomem(err);
	for (size_t n = 0; !r && n < i->count; n++)
		r = take_layer(i, n, err);
	return r;
}

static int take_tag(struct docker_image *i, const char *tag, const struct descriptor *d,
		    struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = tag ? ref_parse(tag, &ref, err) : err_set(err, EBADMSG, "manifest.json: no tag");

	if (r < 0)
		return tag ? err_context(err, "invalid tag \"%.200s\"", tag) : r;
	if (ref.has_digest)
		return err_set(err, EINVAL, "invalid tag \"%.200s\"", tag);
	full = ref_full(&ref);
	return full ? archive_plan_image(i->plan, full, d, quarantine_digest(i->file), err)
		    : err_nomem(err);
}

static int take_tags(struct docker_image *i, const struct json_object *tags, struct err *err)
{
	size_t count = tags ? json_object_array_length(tags) : 0;
	struct descriptor d = {0};
	int r = archive_docker_manifest(i->plan, quarantine_digest(i->file),
					quarantine_size(i->file), i->list, i->count, &d, err);

	d.has_platform = i->config->platform.os[0] || i->config->platform.architecture[0];
	d.platform = i->config->platform;
	for (size_t n = 0; !r && n < count; n++)
		r = take_tag(i, json_text(json_object_array_get_idx(tags, n)), &d, err);
	if (!r && count == 0)
		r = archive_plan_image(i->plan, NULL, &d, quarantine_digest(i->file), err);
	descriptor_clear(&d);
	return r;
}

/* An array, or nothing: absent, or null. */
static int get_array(const struct json_object *o, const char *key, struct json_object **out,
		     struct err *err)
{
	*out = json_array(o, key);
	if (!*out && json_member(o, key))
		return err_set(err, EBADMSG, "manifest.json: \"%s\" is no array", key);
	return 0;
}

static int take_image(struct archive_plan *p, const struct archive_members *m,
		      const struct json_object *o, const struct platform *only, struct err *err)
{
	autoimage i = {.plan = p, .members = m};
	struct json_object *layers = NULL, *tags = NULL;
	int r = json_object_is_type(o, json_type_object)
		    ? get_array(o, "Layers", &layers, err)
		    : err_set(err, EBADMSG, "manifest.json: an entry that is no object");

	if (!r)
		r = get_array(o, "RepoTags", &tags, err);
	if (!r)
		r = take_config(&i, o, err);
	if (r < 0 || (only && platform_rank(only, &i.config->platform) < 0))
		return r;
	i.layers = layers;
	r = take_layers(&i, err);
	return r ? r : take_tags(&i, tags, err);
}

int archive_docker_plan(struct archive_plan *p, const struct archive_members *m,
			const struct platform *only, struct err *err)
{
	autobuf text = BUF_INIT;
	autojson *doc = NULL;
	size_t count;
	int r = archive_members_read(m, "manifest.json", &text, err);

	if (!r)
		r = json_parse(text.data, text.len, &doc, err);
	if (!r && !json_object_is_type(doc, json_type_array))
		return err_set(err, EBADMSG, "manifest.json: not a list of images");
	if (r < 0)
		return err_context(err, "manifest.json");
	count = json_object_array_length(doc);
	if (count > IMAGES_MAX)
		return err_set(err, EBADMSG, "manifest.json: more than %d images", IMAGES_MAX);
	for (size_t n = 0; !r && n < count; n++)
		r = take_image(p, m, json_object_array_get_idx(doc, n), only, err);
	return r;
}

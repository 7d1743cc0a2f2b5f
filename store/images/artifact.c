/* SPDX-License-Identifier: MIT */
#include "store/images/artifact.h"

#include "store/base/buf.h"
#include "store/base/map.h"

#include <errno.h>
#include <string.h>

#define COUNT(a)     (sizeof(a) / sizeof(*(a)))
#define TITLE	     "org.opencontainers.image.title"
#define NAME_CUT_MAX 200 /* bytes of a title; with a number behind it the name has to fit, too */

static bool is_image_config(const char *type)
{
	/* The last one is what docker 1.10 wrote, and what docker still takes. */
	return !strcmp(type, OCI_TYPE_CONFIG) || !strcmp(type, DOCKER_TYPE_CONFIG) ||
	       !strcmp(type, OCI_TYPE_BYTES);
}

/* What registries between have made of that. */
static bool says_nothing(const char *type)
{
	return !strcmp(type, "application/json") || !strncmp(type, "text/", 5);
}

static bool is_image_layer(const char *type)
{
	return !strncmp(type, "application/vnd.oci.image.layer.", 32) ||
	       !strncmp(type, "application/vnd.docker.image.rootfs.", 36);
}

/* What can be no archive, known or not. */
static bool is_text(const char *type)
{
	return !strncmp(type, "text/", 5) || strstr(type, "json") || strstr(type, "xml");
}

bool manifest_is_artifact(const struct manifest *m)
{
	size_t texts = 0, layers = 0;

	for (size_t i = 0; i < m->layer_count; i++) {
		texts += is_text(m->layers[i].media_type);
		layers += is_image_layer(m->layers[i].media_type);
	}
	if (m->layer_count > 0 && layers == m->layer_count)
		return !is_image_config(m->config.media_type) &&
		       !says_nothing(m->config.media_type);
	return json_string(m->doc, "artifactType") || !is_image_config(m->config.media_type) ||
	       (m->layer_count > 0 && texts == m->layer_count);
}

const char *manifest_artifact_type(const struct manifest *m)
{
	const char *type = json_string(m->doc, "artifactType");

	if (type)
		return type;
	type = m->config.media_type;
	if (!is_image_config(type) && strcmp(type, OCI_TYPE_EMPTY) != 0)
		return type;
	return m->layer_count ? m->layers[0].media_type : NULL;
}

/* ---- names ---- */

/* What a media type says of the format; the first that fits. */
static const char *extension(const char *type)
{
	static const struct {
		const char *part, *extension;
	} known[] = {
	    {"spdx+json", ".spdx.json"},
	    {"vnd.cyclonedx+json", ".cdx.json"},
	    {"vnd.cyclonedx+xml", ".cdx.xml"},
	    {"vnd.in-toto+json", ".intoto.json"},
	    {"simplesigning", ".simplesigning.json"},
	    {"sigstore.bundle", ".sigstore.json"},
	    {"text/spdx", ".spdx"},
	    {"sarif+json", ".sarif.json"},
	    {"+jsonl", ".jsonl"},
	    {"json", ".json"},
	    {"xml", ".xml"},
	    {"yaml", ".yaml"},
	    {"text/", ".txt"},
	    {"tar+gzip", ".tar.gz"},
	    {"tar.gzip", ".tar.gz"},
	    {"tar+zstd", ".tar.zst"},
	    {"gzip", ".gz"},
	    {"zstd", ".zst"},
	    {"wasm", ".wasm"},
	    {"pem", ".pem"},
	    {"tar", ".tar"},
	};

	for (size_t i = 0; i < COUNT(known); i++)
		if (strstr(type, known[i].part))
			return known[i].extension;
	return "";
}

/* Controls (C0, DEL, and C1 as UTF-8 writes them), slashes, and a dot in front become "_". */
static void artifact_clean(char *name)
{
	if (name[0] == '.')
		name[0] = '_';
	for (unsigned char *p = (unsigned char *)name; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;

		if (*p < 0x20 || *p == 0x7f || *p == '/' || c1)
			*p = '_';
		if (c1)
			*++p = '_';
	}
}

/* Cuts where a character begins. */
static size_t artifact_cut(const char *title)
{
	size_t len = strlen(title);

	if (len <= NAME_CUT_MAX)
		return len;
	for (len = NAME_CUT_MAX; len > 0 && ((unsigned char)title[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

static char *make_name(const struct manifest *m, size_t k)
{
	const struct descriptor *d = &m->layers[k];
	const char *title = json_string(d->annotations, TITLE);
	struct buf name = BUF_INIT;

	if (title && title[strspn(title, ". /")]) {
		buf_append(&name, title, artifact_cut(title));
		if (name.data)
			artifact_clean(name.data);
	} else {
		buf_printf(&name, "%zu%s", k, extension(d->media_type));
	}
	return buf_steal(&name);
}

/* Puts the number behind a name that is there already, for as long as it is there. */
static int make_unique(const struct map *seen, size_t k, char **name, struct err *err)
{
	while (*name && map_get(seen, *name, strlen(*name))) {
		struct buf longer = BUF_INIT;

		buf_printf(&longer, "%s.%zu", *name, k);
		free(*name);
		*name = buf_steal(&longer);
	}
	return *name ? 0 : err_nomem(err);
}

int artifact_names(const struct manifest *m, struct artifact_names *out, struct err *err)
{
	struct map *seen = map_new();
	int r = 0;

	*out = (struct artifact_names){.at = calloc(m->layer_count + 1, sizeof(*out->at))};
	if (!seen || !out->at)
		r = err_nomem(err);
	for (size_t k = 0; !r && k < m->layer_count; k++) {
		char *name = make_name(m, k);

		r = make_unique(seen, k, &name, err);
		out->at[k] = name;
		out->count = k + 1;
		if (!r && map_put(seen, name, strlen(name), out) < 0)
			r = err_nomem(err);
	}
	map_free(seen);
	if (r < 0)
		artifact_names_clear(out);
	return r;
}

void artifact_names_clear(struct artifact_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
	*n = (struct artifact_names){0};
}

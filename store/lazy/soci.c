/* SPDX-License-Identifier: MIT */
#include "store/lazy/soci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct soci_layer {
	struct digest layer;
	const char *layer_type; /* NULL: not said; borrowed from ztoc */
	struct descriptor ztoc; /* owned */
};

struct soci {
	struct digest digest; /* its own */
	enum layer_check check;
	struct soci_layer *layers; /* owned */
	size_t count;
};

bool soci_index_digest(const struct manifest *image, struct digest *out)
{
	const char *text = json_string(json_map(image->doc, "annotations"), SOCI_INDEX_DIGEST);

	return text && digest_parse(text, out, NULL) == 0;
}

/* What it is says its artifactType, or the type of its config. */
static bool soci_has_type(const struct manifest *m, const char *wanted)
{
	const char *type = json_string(m->doc, "artifactType");

	return strcmp(type && *type ? type : m->config.media_type, wanted) == 0;
}

static int check_soci(const struct manifest *m, const struct digest *image, struct err *err)
{
	const char *wanted = image ? SOCI_TYPE_V1 : SOCI_TYPE_V2;

	if (!soci_has_type(m, wanted))
		return err_set(err, EBADMSG, "it is no %s", wanted);
	if (image && (!m->has_subject || !digest_equal(&m->subject, image)))
		return err_set(err, EBADMSG, "it refers to another image");
	return 0;
}

/* A blob of another type is no zTOC: a list of what to fetch first, for one. */
static int soci_add(struct soci *s, const struct descriptor *d, struct err *err)
{
	struct soci_layer *l = &s->layers[s->count];
	const char *text = json_string(d->annotations, SOCI_LAYER_DIGEST);
	int r;

	if (strcmp(d->media_type, SOCI_ZTOC_TYPE) != 0 || d->foreign)
		return 0;
	if (!text || digest_parse(text, &l->layer, NULL) < 0)
		return err_set(err, EBADMSG, "a zTOC that does not say of which layer");
	r = descriptor_copy(&l->ztoc, d, err);
	if (r)
		return r;
	l->layer_type = json_string(l->ztoc.annotations, SOCI_LAYER_TYPE);
	s->count++;
	return 0;
}

int soci_open(const struct manifest *m, const struct digest *self, const struct digest *image,
	      struct soci **out, struct err *err)
{
	AUTO(soci_close) struct soci *s = calloc(1, sizeof(*s));
	int r = s ? check_soci(m, image, err) : err_nomem(err);

	if (!r) {
		s->digest = *self;
		s->check = image ? LAYER_CHECK_REFERRED : LAYER_CHECK_PACKED;
		s->layers = calloc(m->layer_count + 1, sizeof(*s->layers));
		r = s->layers ? 0 : err_nomem(err);
	}
	for (size_t i = 0; !r && i < m->layer_count; i++)
		r = soci_add(s, &m->layers[i], err);
	if (r)
		return err_context(err, "SOCI index");
	*out = steal(&s);
	return 0;
}

void soci_close(struct soci *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		descriptor_clear(&s->layers[i].ztoc);
	free(s->layers);
	free(s);
}

const struct descriptor *soci_ztoc(const struct soci *s, const struct descriptor *layer)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct soci_layer *l = &s->layers[i];

		if (digest_equal(&l->layer, &layer->digest) &&
		    (!l->layer_type || strcmp(l->layer_type, layer->media_type) == 0))
			return &l->ztoc;
	}
	return NULL;
}

enum layer_check soci_check(const struct soci *s)
{
	return s->check;
}

const struct digest *soci_voucher(const struct soci *s)
{
	return s->check == LAYER_CHECK_PACKED ? &s->digest : NULL;
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len >= n && strcmp(text + len - n, suffix) == 0;
}

int soci_compression(const char *media_type, enum compression *out, struct err *err)
{
	*out = COMPRESSION_GZIP;
	if (ends_with(media_type, "+gzip") || ends_with(media_type, ".gzip"))
		return 0;
	*out = COMPRESSION_NONE;
	if (ends_with(media_type, ".tar"))
		return 0;
	return err_set(err, EOPNOTSUPP, "a layer of the type \"%.80s\"", media_type);
}

/* SPDX-License-Identifier: MIT */
#include "store/images/reach.h"

#include "store/disk/blob.h"
#include "store/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8 /* of indexes in indexes; pulls go less deep */

struct reach {
	struct store *store; /* borrowed */
	struct map *seen;    /* owned; digests as text */
	bool passes_damage;
};

int reach_open(struct store *s, struct reach **out, struct err *err)
{
	struct reach *reach = calloc(1, sizeof(*reach));

	if (reach)
		reach->seen = map_new();
	if (!reach || !reach->seen) {
		free(reach);
		return err_nomem(err);
	}
	reach->store = s;
	*out = reach;
	return 0;
}

void reach_close(struct reach *reach)
{
	if (!reach)
		return;
	map_free(reach->seen);
	free(reach);
}

void reach_pass_damage(struct reach *reach)
{
	reach->passes_damage = true;
}

bool reach_seen(const struct reach *reach, const struct digest *digest)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	return map_get(reach->seen, text, strlen(text)) != NULL;
}

int reach_mark(struct reach *reach, const struct digest *digest, struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	return map_put(reach->seen, text, strlen(text), reach) ? err_nomem(err) : 0;
}

static int walk(struct reach *reach, const struct descriptor *d, int depth, reach_visit visit,
		void *arg, struct err *err);

static int walk_manifest(struct reach *reach, const struct descriptor *d, const struct buf *body,
			 int depth, reach_visit visit, void *arg, struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	int r = manifest_parse(body->data, body->len, d->media_type, &m, err);

	if (!r)
		r = visit(arg, d, m, err);
	if (!r)
		r = walk(reach, &m->config, depth, visit, arg, err);
	for (size_t i = 0; !r && i < m->layer_count; i++)
		r = walk(reach, &m->layers[i], depth, visit, arg, err);
	return r;
}

static int walk_index(struct reach *reach, const struct descriptor *d, const struct buf *body,
		      int depth, reach_visit visit, void *arg, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	int r = index_parse(body->data, body->len, d->media_type, &index, err);

	if (!r)
		r = visit(arg, d, NULL, err);
	for (size_t i = 0; !r && i < index->count; i++)
		r = walk(reach, &index->manifests[i], depth, visit, arg, err);
	return r;
}

static int walk(struct reach *reach, const struct descriptor *d, int depth, reach_visit visit,
		void *arg, struct err *err)
{
	bool index = oci_type_is_index(d->media_type);
	char text[DIGEST_TEXT_MAX];
	autobuf body = BUF_INIT;
	int r;

	if (reach_seen(reach, &d->digest))
		return 0;
	if (depth == DEPTH_MAX)
		return err_set(err, EPROTO, "indexes nested deeper than %d", DEPTH_MAX);
	r = reach_mark(reach, &d->digest, err);
	if (r)
		return r;
	if (!index && !oci_type_is_manifest(d->media_type))
		return visit(arg, d, NULL, err);
	r = blob_read(reach->store, &d->digest, OCI_MANIFEST_MAX, &body, err);
	if (r == -ENOENT || (reach->passes_damage && (r == -EBADMSG || r == -EIO || r == -EFBIG)))
		return visit(arg, d, NULL, err);
	if (!r && index)
		return walk_index(reach, d, &body, depth + 1, visit, arg, err);
	if (!r)
		return walk_manifest(reach, d, &body, depth + 1, visit, arg, err);
	return err_context(err, "manifest %s", digest_text(&d->digest, text));
}

int reach_walk(struct reach *reach, const struct descriptor *top, reach_visit visit, void *arg,
	       struct err *err)
{
	return walk(reach, top, 0, visit, arg, err);
}

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
};

int reach_open(struct store *s, struct reach **out, struct err *err)
{
	struct reach *r = calloc(1, sizeof(*r));

	if (r)
		r->seen = map_new();
	if (!r || !r->seen) {
		free(r);
		return err_nomem(err);
	}
	r->store = s;
	*out = r;
	return 0;
}

void reach_close(struct reach *r)
{
	if (!r)
		return;
	map_free(r->seen);
	free(r);
}

bool reach_seen(const struct reach *r, const struct digest *digest)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	return map_get(r->seen, text, strlen(text)) != NULL;
}

int reach_mark(struct reach *r, const struct digest *digest, struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	return map_put(r->seen, text, strlen(text), r) ? err_nomem(err) : 0;
}

static int walk(struct reach *r, const struct descriptor *d, int depth, reach_visit visit,
		void *arg, struct err *err);

static int walk_manifest(struct reach *r, const struct descriptor *d, const struct buf *body,
			 int depth, reach_visit visit, void *arg, struct err *err)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	int rc = manifest_parse(body->data, body->len, d->media_type, &m, err);

	if (!rc)
		rc = visit(arg, d, m, err);
	if (!rc)
		rc = walk(r, &m->config, depth, visit, arg, err);
	for (size_t i = 0; !rc && i < m->layer_count; i++)
		rc = walk(r, &m->layers[i], depth, visit, arg, err);
	return rc;
}

static int walk_index(struct reach *r, const struct descriptor *d, const struct buf *body,
		      int depth, reach_visit visit, void *arg, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	int rc = index_parse(body->data, body->len, d->media_type, &index, err);

	if (!rc)
		rc = visit(arg, d, NULL, err);
	for (size_t i = 0; !rc && i < index->count; i++)
		rc = walk(r, &index->manifests[i], depth, visit, arg, err);
	return rc;
}

static int walk(struct reach *r, const struct descriptor *d, int depth, reach_visit visit,
		void *arg, struct err *err)
{
	bool index = oci_type_is_index(d->media_type);
	char text[DIGEST_TEXT_MAX];
	autobuf body = BUF_INIT;
	int rc;

	if (reach_seen(r, &d->digest))
		return 0;
	if (depth == DEPTH_MAX)
		return err_set(err, EPROTO, "indexes nested deeper than %d", DEPTH_MAX);
	rc = reach_mark(r, &d->digest, err);
	if (rc)
		return rc;
	if (!index && !oci_type_is_manifest(d->media_type))
		return visit(arg, d, NULL, err);
	rc = blob_read(r->store, &d->digest, OCI_MANIFEST_MAX, &body, err);
	if (rc == -ENOENT)
		return visit(arg, d, NULL, err);
	if (!rc && index)
		return walk_index(r, d, &body, depth + 1, visit, arg, err);
	if (!rc)
		return walk_manifest(r, d, &body, depth + 1, visit, arg, err);
	return err_context(err, "manifest %s", digest_text(&d->digest, text));
}

int reach_walk(struct reach *r, const struct descriptor *top, reach_visit visit, void *arg,
	       struct err *err)
{
	return walk(r, top, 0, visit, arg, err);
}

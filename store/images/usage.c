/* SPDX-License-Identifier: MIT */
#include "store/images/usage.h"

#include "store/disk/blob.h"
#include "store/disk/held.h"
#include "store/base/map.h"
#include "store/images/reach.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A blob of an image, one for each pair. */
struct share {
	struct digest blob;
	uint64_t size;
	size_t image;
};

struct usage {
	struct usage_image *images; /* owned, as are those below */
	size_t count;
	struct map *by_digest; /* text → struct usage_image */
	struct share *shares;
	size_t share_count, share_room;
	uint64_t total;
};

void usage_close(struct usage *u)
{
	if (!u)
		return;
	if (u->by_digest)
		map_free(u->by_digest);
	free(u->images);
	free(u->shares);
	free(u);
}

struct usage_walk {
	struct usage *usage;
	struct store *store;
};

static int usage_on_descriptor(void *arg, const struct descriptor *d, const struct manifest *m,
			       struct err *err)
{
	struct usage_walk *w = arg;
	struct usage *u = w->usage;

	uint64_t size = blob_exists(w->store, &d->digest, d->size)
			    ? d->size
			    : held_on_disk(w->store, &d->digest, d->size);

	(void)m;
	if (size == 0)
		return 0;
	if (u->share_count == u->share_room) {
		size_t room = u->share_room ? 2 * u->share_room : 256;
		struct share *shares = reallocarray(u->shares, room, sizeof(*shares));

		if (!shares)
			return err_nomem(err);
		u->shares = shares;
		u->share_room = room;
	}
	u->shares[u->share_count++] = (struct share){d->digest, size, u->count};
	return 0;
}

/* What cannot be read counts as far as it could. */
static int usage_add_image(struct usage *u, struct store *s, const struct names *names, size_t at,
			   struct err *err)
{
	const struct name *n = names_at(names, at);
	AUTO(reach_close) struct reach *reach = NULL;
	char text[DIGEST_TEXT_MAX];
	struct usage_walk w = {u, s};
	struct usage_image *image = &u->images[u->count];
	int r;

	assert(u->count <= at);
	digest_text(&n->descriptor.digest, text);
	if (map_get(u->by_digest, text, strlen(text)))
		return 0;
	r = reach_open(s, &reach, err);
	if (r || reach_walk(reach, &n->descriptor, usage_on_descriptor, &w, NULL) == -ENOMEM)
		return err_nomem(err);
	*image = (struct usage_image){.digest = n->descriptor.digest, .name = at};
	u->count++;
	return map_put(u->by_digest, text, strlen(text), image) ? err_nomem(err) : 0;
}

static int by_blob(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return memcmp(&x->blob, &y->blob, sizeof(x->blob));
}

/* Each run of equal blobs is one blob: of one image, or shared by all of them. */
static void add_up(struct usage *u)
{
	size_t end;

	qsort(u->shares, u->share_count, sizeof(*u->shares), by_blob);
	for (size_t i = 0; i < u->share_count; i = end) {
		for (end = i + 1; end < u->share_count && !by_blob(&u->shares[i], &u->shares[end]);)
			end++;
		u->total += u->shares[i].size;
		for (size_t k = i; k < end; k++) {
			struct usage_image *image = &u->images[u->shares[k].image];

			assert(u->shares[k].image < u->count);
			*(end - i > 1 ? &image->shared : &image->unique) += u->shares[k].size;
		}
	}
}

int usage_open(struct store *s, const struct names *names, struct usage **out, struct err *err)
{
	AUTO(usage_close) struct usage *u = calloc(1, sizeof(*u));
	int r = 0;

	if (!u)
		return err_nomem(err);
	u->by_digest = map_new();
	u->images = calloc(names_count(names) + 1, sizeof(*u->images));
	if (!u->by_digest || !u->images)
		return err_nomem(err);
	for (size_t i = 0; !r && i < names_count(names); i++)
		r = usage_add_image(u, s, names, i, err);
	if (r)
		return r;
	add_up(u);
	*out = steal(&u);
	return 0;
}

uint64_t usage_total(const struct usage *u)
{
	return u->total;
}

size_t usage_count(const struct usage *u)
{
	return u->count;
}

const struct usage_image *usage_at(const struct usage *u, size_t i)
{
	assert(i < u->count);
	return &u->images[i];
}

const struct usage_image *usage_find(const struct usage *u, const struct digest *image)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(image, text);
	return map_get(u->by_digest, text, strlen(text));
}

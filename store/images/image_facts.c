/* SPDX-License-Identifier: MIT */
/*
 * Two events may change the facts of an image: another platform of its index comes or goes, or a
 * layer gets an index, which has its uncompressed size. So only the platform that the wish prefers is
 * kept. Its entry holds while its blobs are there and, if a layer had no index, while derived/layers
 * is as it was.
 */
#include "store/images/image_facts.h"

#include "store/disk/blob.h"
#include "store/layer/layer_index.h"
#include "store/base/map.h"
#include "store/base/stamp.h"
#include "store/disk/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define REST_NS 100000000 /* a time stamp younger than that may stand for two states */

#define KEY_MAX (DIGEST_TEXT_MAX + PLATFORM_TEXT_MAX + 1)

struct kept {
	struct image_facts facts;
	uint64_t manifest_size, config_size; /* of the blobs */
	bool indexed;			     /* all layers: the size is final */
	struct timespec layers;		     /* else: when derived/layers had changed */
};

/* ---- the cache: struct store's `facts`, under its facts_lock ---- */

static void image_facts_forget_all(void *arg)
{
	map_free_all(arg, free);
}

static const char *image_facts_make_key(const struct descriptor *top, const struct platform *wish,
					char key[static KEY_MAX])
{
	char digest[DIGEST_TEXT_MAX], platform[PLATFORM_TEXT_MAX];

	snprintf(key, KEY_MAX, "%s %s", digest_text(&top->digest, digest),
		 platform_text(wish, platform));
	return key;
}

static bool recall(struct store *s, const char *key, struct kept *out)
{
	const struct kept *k;

	pthread_mutex_lock(&s->facts_lock);
	k = s->facts ? map_get(s->facts, key, strlen(key)) : NULL;
	if (k)
		*out = *k;
	pthread_mutex_unlock(&s->facts_lock);
	return k;
}

/* Where memory is out it is not kept. */
static void image_facts_keep(struct store *s, const char *key, const struct kept *k)
{
	autofree struct kept *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	*copy = *k;
	pthread_mutex_lock(&s->facts_lock);
	if (s->facts && map_count(s->facts) >= IMAGE_FACTS_MAX) {
		image_facts_forget_all(s->facts);
		s->facts = NULL;
	}
	if (!s->facts)
		s->facts = map_new();
	s->facts_release = image_facts_forget_all;
	if (s->facts) {
		free(map_remove(s->facts, key, strlen(key)));
		if (map_put(s->facts, key, strlen(key), copy) == 0)
			copy = NULL;
	}
	pthread_mutex_unlock(&s->facts_lock);
}

/* ---- whether it still holds ---- */

static struct timespec layers_changed(struct store *s)
{
	struct stat st;

	return fstatat(store_cachefd(s), "derived/layers", &st, 0) == 0 ? st.st_mtim
									: (struct timespec){0};
}

static bool image_facts_holds(struct store *s, const struct kept *k)
{
	const struct timespec now = k->indexed ? k->layers : layers_changed(s);

	return stamp_is_same(now, k->layers) &&
	       blob_exists(s, &k->facts.manifest, k->manifest_size) &&
	       blob_exists(s, &k->facts.config, k->config_size);
}

/* ---- reading ---- */

static void read_facts(struct store *s, const struct image *i, struct kept *k)
{
	const struct config *c = i->config;
	struct image_facts *f = &k->facts;
	uint32_t ns;

	*f = (struct image_facts){.manifest = i->descriptor.digest,
				  .config = i->manifest->config.digest,
				  .artifact = i->artifact};
	f->has_created = c->created && oci_time_parse(c->created, &f->created, &ns, NULL) == 0;
	k->manifest_size = i->descriptor.size;
	k->config_size = i->manifest->config.size;
	k->indexed = true;
	k->layers = layers_changed(s);
	if (!i->artifact)
		f->size = image_size(s, i, &k->indexed);
}

static bool is_at_rest(struct timespec changed)
{
	struct timespec now;

	if (changed.tv_sec == 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - changed.tv_sec) * INT64_C(1000000000) + now.tv_nsec - changed.tv_nsec >
	       REST_NS;
}

/* No other blob that comes would be preferred to this, and no change is missed. */
static bool may_be_kept(struct store *s, const struct descriptor *top, const struct platform *wish,
			const struct kept *k)
{
	struct descriptor best = {0};
	bool is_best = image_resolve(s, top, wish, IMAGE_WISHED, &best, NULL) == 0 &&
		       digest_equal(&best.digest, &k->facts.manifest);

	descriptor_clear(&best);
	return is_best && (k->indexed || is_at_rest(k->layers));
}

int image_facts(struct store *s, const struct descriptor *top, const struct platform *wish,
		struct image_facts *out, struct err *err)
{
	AUTO(image_close) struct image *i = NULL;
	char key[KEY_MAX];
	struct kept k;
	int r;

	image_facts_make_key(top, wish, key);
	if (!recall(s, key, &k) || !image_facts_holds(s, &k)) {
		r = image_open(s, top, wish, IMAGE_LOCAL, &i, err);
		if (r)
			return r;
		read_facts(s, i, &k);
		if (may_be_kept(s, top, wish, &k))
			image_facts_keep(s, key, &k);
	}
	*out = k.facts;
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "registry/api/api_target.h"

#include "registry/wire/secret.h"
#include "store/base/map.h"
#include "store/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TARGETS_MAX 256

struct kept_target {
	char *url; /* owned, secret */
	enum address_reach reach;
	uint64_t generation;
};

struct api_targets {
	pthread_mutex_t lock;
	struct map *kept; /* lock: of struct kept_target */
};

void api_target_clear(struct api_target *t)
{
	if (t->url.target)
		explicit_bzero(t->url.target, strlen(t->url.target));
	url_clear(&t->url);
}

static void kept_free(void *value)
{
	struct kept_target *k = value;

	if (k)
		secret_free(k->url);
	free(k);
}

struct api_targets *api_targets_new(void)
{
	struct api_targets *t = calloc(1, sizeof(*t));

	if (t)
		t->kept = map_new();
	if (!t || !t->kept) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void api_targets_free(struct api_targets *t)
{
	if (!t)
		return;
	map_free_all(t->kept, kept_free);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

bool api_target_get(struct api_targets *t, const char *key, uint64_t generation,
		    struct api_target *out)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);

	struct kept_target *k = t->kept ? map_get(t->kept, key, strlen(key)) : NULL;

	if (k && k->generation == generation && url_parse(k->url, &out->url, NULL) == 0) {
		out->reach = k->reach;
		found = true;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

void api_target_keep(struct api_targets *t, const char *key, uint64_t generation,
		     const struct api_target *target)
{
	struct kept_target *k = malloc(sizeof(*k)), *old;

	if (!k)
		return;
	*k = (struct kept_target){url_text(&target->url), target->reach, generation};
	pthread_mutex_lock(&t->lock);
	if (t->kept && map_count(t->kept) >= TARGETS_MAX) {
		map_free_all(t->kept, kept_free);
		t->kept = map_new();
	}
	old = t->kept ? map_remove(t->kept, key, strlen(key)) : NULL;
	if (!k->url || !t->kept || map_put(t->kept, key, strlen(key), k) < 0)
		kept_free(k);
	pthread_mutex_unlock(&t->lock);
	kept_free(old);
}

void api_target_drop(struct api_targets *t, const char *key)
{
	struct kept_target *old;

	pthread_mutex_lock(&t->lock);
	old = t->kept ? map_remove(t->kept, key, strlen(key)) : NULL;
	pthread_mutex_unlock(&t->lock);
	kept_free(old);
}

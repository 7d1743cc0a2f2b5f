/* SPDX-License-Identifier: MIT */
#include "fs/core/layers.h"

#include "store/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* By what a layer is read, and no more of its name: images that have it may differ in the rest. */
struct layer_key {
	struct digest blob;
	uint32_t check;
	uint8_t voucher[LAYER_VOUCHER];
};
_Static_assert(sizeof(struct layer_key) == sizeof(struct digest) + 4 + LAYER_VOUCHER,
	       "layer_key has no gaps");

struct shared {
	struct layer_key key;
	struct layer *layer;
	unsigned users;
};

struct layers {
	pthread_mutex_t lock;
	struct store *store;
	struct span_cache *spans;
	struct map *by_key;   /* struct layer_key → struct shared */
	struct map *by_layer; /* struct layer * → struct shared */
};

int layers_open(struct store *s, struct span_cache *spans, struct layers **out, struct err *err)
{
	struct layers *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->store = s;
	t->spans = spans;
	t->by_key = map_new();
	t->by_layer = map_new();
	if (!t->by_key || !t->by_layer) {
		layers_close(t);
		return err_nomem(err);
	}
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void layers_close(struct layers *t)
{
	if (!t)
		return;
	assert(!t->by_layer || !map_count(t->by_layer)); /* each was put */
	map_free(t->by_key);
	map_free(t->by_layer);
	free(t);
}

static struct layer_key key_of_layer(const struct layer_name *name)
{
	struct layer_key key = {.blob = name->blob, .check = name->check};

	memcpy(key.voucher, layer_name_voucher(name), sizeof(key.voucher));
	return key;
}

/* Under the lock: the open one. One that is damaged stays with those who have it. */
static struct shared *layers_find(struct layers *t, const struct layer_key *key)
{
	struct shared *s = map_get(t->by_key, key, sizeof(*key));

	return s && layer_intact(s->layer) ? s : NULL;
}

/* Under the lock: enters an opened layer, or finds the one that another thread has entered
 * meanwhile. */
static struct shared *layers_enter(struct layers *t, const struct layer_key *key, struct layer *l)
{
	struct shared *s = layers_find(t, key);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	s->layer = l;
	if (map_put(t->by_layer, &l, sizeof(l), s) < 0) {
		free(s);
		return NULL;
	}
	if (map_put(t->by_key, key, sizeof(*key), s) < 0) {
		map_remove(t->by_layer, &l, sizeof(l));
		free(s);
		return NULL;
	}
	return s;
}

int layers_get(struct layers *t, const struct layer_name *name, uint64_t blob_size,
	       struct layer **out, struct err *err)
{
	const struct layer_key key = key_of_layer(name);
	AUTO(layer_close) struct layer *l = NULL;
	struct shared *s;
	int r;

	pthread_mutex_lock(&t->lock);
	s = layers_find(t, &key);
	if (s)
		s->users++;
	pthread_mutex_unlock(&t->lock);
	if (!s) {
		r = layer_open_name(t->store, t->spans, name, blob_size, &l, err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&t->lock);
		s = layers_enter(t, &key, l);
		if (s) {
			s->users++;
			if (s->layer == l)
				l = NULL;
		}
		pthread_mutex_unlock(&t->lock);
		if (!s)
			return err_nomem(err);
	}
	*out = s->layer;
	return 0;
}

void layers_put(struct layers *t, struct layer *l)
{
	struct shared *s;

	if (!l)
		return;
	pthread_mutex_lock(&t->lock);
	s = map_get(t->by_layer, &l, sizeof(l));
	assert(s && s->users > 0);
	if (--s->users > 0) {
		s = NULL;
	} else {
		map_remove(t->by_layer, &l, sizeof(l));
		if (map_get(t->by_key, &s->key, sizeof(s->key)) == s)
			map_remove(t->by_key, &s->key, sizeof(s->key));
	}
	pthread_mutex_unlock(&t->lock);
	if (s) {
		layer_close(s->layer);
		free(s);
	}
}

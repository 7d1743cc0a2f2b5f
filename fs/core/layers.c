/* SPDX-License-Identifier: MIT */
#include "fs/core/layers.h"

#include "store/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct shared {
	struct layer_name name;
	struct layer *layer;
	unsigned users;
};

struct layers {
	pthread_mutex_t lock;
	struct store *store;
	struct span_cache *spans;
	struct map *by_name;  /* struct layer_name → struct shared */
	struct map *by_layer; /* struct layer * → struct shared */
};

int layers_open(struct store *s, struct span_cache *spans, struct layers **out, struct err *err)
{
	struct layers *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->store = s;
	t->spans = spans;
	t->by_name = map_new();
	t->by_layer = map_new();
	if (!t->by_name || !t->by_layer) {
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
	map_free(t->by_name);
	map_free(t->by_layer);
	free(t);
}

/* Under the lock: the open one. One that is damaged stays with those who have it. */
static struct shared *layers_find(struct layers *t, const struct layer_name *name)
{
	struct shared *s = map_get(t->by_name, name, sizeof(*name));

	return s && layer_intact(s->layer) ? s : NULL;
}

/* Under the lock: enters an opened layer, or finds the one that another thread has entered
 * meanwhile. */
static struct shared *layers_enter(struct layers *t, const struct layer_name *name, struct layer *l)
{
	struct shared *s = layers_find(t, name);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->name = *name;
	s->layer = l;
	if (map_put(t->by_layer, &l, sizeof(l), s) < 0) {
		free(s);
		return NULL;
	}
	if (map_put(t->by_name, name, sizeof(*name), s) < 0) {
		map_remove(t->by_layer, &l, sizeof(l));
		free(s);
		return NULL;
	}
	return s;
}

int layers_get(struct layers *t, const struct layer_name *name, uint64_t blob_size,
	       struct layer **out, struct err *err)
{
	AUTO(layer_close) struct layer *l = NULL;
	struct shared *s;
	int r;

	pthread_mutex_lock(&t->lock);
	s = layers_find(t, name);
	if (s)
		s->users++;
	pthread_mutex_unlock(&t->lock);
	if (!s) {
		r = layer_open_name(t->store, t->spans, name, blob_size, &l, err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&t->lock);
		s = layers_enter(t, name, l);
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
		if (map_get(t->by_name, &s->name, sizeof(s->name)) == s)
			map_remove(t->by_name, &s->name, sizeof(s->name));
	}
	pthread_mutex_unlock(&t->lock);
	if (s) {
		layer_close(s->layer);
		free(s);
	}
}

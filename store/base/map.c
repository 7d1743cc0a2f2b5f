/* SPDX-License-Identifier: MIT */
/*
 * Open addressing with linear probing; the full hash is kept beside the key, so growing never
 * reads a key and most misses are found out without one. Removal shifts the followers back instead
 * of leaving a tombstone.
 */
#include "store/base/map.h"

#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct slot {
	uint64_t hash;
	void *key; /* owned; NULL: the slot is free */
	size_t len;
	void *value;
};

struct map {
	struct slot *slots; /* owned */
	size_t cap;	    /* a power of two */
	size_t count;
	uint64_t seed;
};

#define CAP_MIN 16
static_assert((CAP_MIN & (CAP_MIN - 1)) == 0, "places are found by a mask");

struct map *map_new(void)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->cap = CAP_MIN;
	m->slots = calloc(m->cap, sizeof(*m->slots));
	if (!m->slots) {
		free(m);
		return NULL;
	}
	if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != sizeof(m->seed))
		m->seed = (uint64_t)(uintptr_t)m ^ (uint64_t)time(NULL); /* early in the boot */
	return m;
}

void map_clear(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++) {
		free(m->slots[i].key);
		m->slots[i].key = NULL;
	}
	m->count = 0;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	map_clear(m);
	free(m->slots);
	free(m);
}

void map_free_all(struct map *m, void (*free_value)(void *value))
{
	for (size_t i = 0; m && i < m->cap; i++)
		if (m->slots[i].key)
			free_value(m->slots[i].value);
	map_free(m);
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *map_find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	size_t mask = m->cap - 1, i = hash & mask;
	struct slot *s;

	for (;; i = (i + 1) & mask) {
		s = &m->slots[i];
		if (!s->key)
			return s;
		if (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			return s;
	}
}

static uint64_t hash_of(const struct map *m, const void *key, size_t len)
{
	return XXH3_64bits_withSeed(key, len, m->seed);
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	struct slot *s = map_find(m, hash_of(m, key, len), key, len);

	return s->key ? s->value : NULL;
}

static int map_grow(struct map *m)
{
	size_t cap = m->cap * 2, i, j;
	struct slot *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (i = 0; i < m->cap; i++) {
		if (!m->slots[i].key)
			continue;
		for (j = m->slots[i].hash & (cap - 1); slots[j].key; j = (j + 1) & (cap - 1))
			;
		slots[j] = m->slots[i];
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return 0;
}

int map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_of(m, key, len);
	struct slot *s = map_find(m, hash, key, len);
	void *copy;

	if (s->key) {
		s->value = value;
		return 0;
	}
	if (m->count + 1 > m->cap / 4 * 3) {
		if (map_grow(m))
			return -ENOMEM;
		s = map_find(m, hash, key, len);
	}
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, key, len);
	*s = (struct slot){.hash = hash, .key = copy, .len = len, .value = value};
	m->count++;
	assert(m->count < m->cap);
	return 0;
}

void *map_remove(struct map *m, const void *key, size_t len)
{
	struct slot *s = map_find(m, hash_of(m, key, len), key, len);
	size_t mask = m->cap - 1, hole, i, home;
	void *value;

	if (!s->key)
		return NULL;
	value = s->value;
	free(s->key);
	hole = (size_t)(s - m->slots);
	for (i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		home = m->slots[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* its home lies behind the hole: it stays reachable */
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].key = NULL;
	assert(m->count > 0);
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

bool map_next(const struct map *m, size_t *iter, const void **key, size_t *len, void **value)
{
	for (; *iter < m->cap; (*iter)++) {
		const struct slot *s = &m->slots[*iter];

		if (!s->key)
			continue;
		*key = s->key;
		*len = s->len;
		*value = s->value;
		(*iter)++;
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
#include "store/base/expiring.h"

#include "store/base/map.h"

#include <assert.h>
#include <stdlib.h>

struct lasting {
	int64_t until;
	void *value; /* owned */
};

struct expiring {
	struct map *map; /* to struct lasting, owned */
	size_t max;
	size_t full; /* when there are so many, what is over goes */
	void (*free_value)(void *value);
};

struct expiring *expiring_new(size_t max, void (*free_value)(void *value))
{
	struct expiring *e = calloc(1, sizeof(*e));

	assert(max >= EXPIRING_FEW);
	if (!e)
		return NULL;
	*e = (struct expiring){
	    .map = map_new(), .max = max, .full = EXPIRING_FEW, .free_value = free_value};
	if (!e->map) {
		free(e);
		return NULL;
	}
	return e;
}

static void lasting_free(struct expiring *e, struct lasting *l)
{
	if (l)
		e->free_value(l->value);
	free(l);
}

/* Keeps at most so many that live. Where memory is out all stay. */
static void drop_old(struct expiring *e, size_t most, int64_t now)
{
	struct map *kept = map_new();
	const void *key;
	size_t iter = 0, len;
	void *value;

	if (!kept)
		return;
	while (map_next(e->map, &iter, &key, &len, &value)) {
		struct lasting *l = value;

		if (l->until <= now || map_count(kept) >= most || map_put(kept, key, len, l) < 0)
			lasting_free(e, l);
	}
	map_free(e->map);
	e->map = kept;
	e->full = map_count(kept) < EXPIRING_FEW / 2 ? EXPIRING_FEW : map_count(kept) * 2;
	assert(map_count(kept) < e->full && e->full <= e->max);
}

void expiring_free(struct expiring *e)
{
	if (!e)
		return;
	expiring_clear(e);
	map_free(e->map);
	free(e);
}

void *expiring_get(const struct expiring *e, const void *key, size_t len, int64_t now)
{
	const struct lasting *l = map_get(e->map, key, len);

	return l && l->until > now ? l->value : NULL;
}

void expiring_put(struct expiring *e, const void *key, size_t len, void *value, int64_t until,
		  int64_t now)
{
	struct lasting *l = malloc(sizeof(*l));

	expiring_remove(e, key, len);
	if (!l) {
		e->free_value(value);
		return;
	}
	*l = (struct lasting){.until = until, .value = value};
	if (map_count(e->map) >= e->full)
		drop_old(e, e->max / 2, now);
	if (map_put(e->map, key, len, l) < 0)
		lasting_free(e, l);
}

void expiring_remove(struct expiring *e, const void *key, size_t len)
{
	lasting_free(e, map_remove(e->map, key, len));
}

void expiring_clear(struct expiring *e)
{
	const void *key;
	size_t iter = 0, len;
	void *value;

	while (map_next(e->map, &iter, &key, &len, &value))
		lasting_free(e, value);
	map_clear(e->map);
}

size_t expiring_count(const struct expiring *e)
{
	return map_count(e->map);
}

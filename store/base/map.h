/* SPDX-License-Identifier: MIT */
/*
 * A hash map from byte strings to pointers, with a random seed per map (names come
 * from strangers). It is our own, as hsearch(3) has one table for the process. Keys are
 * copied; values are borrowed. Not thread safe.
 */
#ifndef STORE_MAP_H
#define STORE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);					      /* NULL: out of memory */
void map_free(struct map *m);					      /* NULL is allowed */
void map_clear(struct map *m);					      /* its values stay */
void map_free_all(struct map *m, void (*free_value)(void *value));    /* its values, too */
void *map_get(const struct map *m, const void *key, size_t len);      /* NULL: not there */
int map_put(struct map *m, const void *key, size_t len, void *value); /* 0 or -ENOMEM; replaces */
void *map_remove(struct map *m, const void *key, size_t len);	      /* its value, or NULL */
size_t map_count(const struct map *m);

/* Walks all: start with *iter = 0; false at the end. The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *iter, const void **key, size_t *len, void **value);

#endif

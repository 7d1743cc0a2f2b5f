/* SPDX-License-Identifier: MIT */
/*
 * A map from byte strings to values, each of which is there until its time is over (ms, of one clock).
 * What is over is freed when there are twice as many as were left the last time: a map of short lives
 * stays small, and what that takes is what was put in between. Not thread safe.
 */
#ifndef STORE_EXPIRING_H
#define STORE_EXPIRING_H

#include <stddef.h>
#include <stdint.h>

struct expiring;

/* Of at most `max` values (>= EXPIRING_FEW): where so many live, half of them go. NULL: out of memory. */
#define EXPIRING_FEW 64
struct expiring *expiring_new(size_t max, void (*free_value)(void *value));
void expiring_free(struct expiring *e); /* with its values; NULL is allowed */

/* The value, or NULL: not there, or its time is over. Borrowed until the next call that changes the map. */
void *expiring_get(const struct expiring *e, const void *key, size_t len, int64_t now);

/* Takes a value that is there until then, in place of the key's earlier one. Where memory is out it is freed:
 * neither of them is there. */
void expiring_put(struct expiring *e, const void *key, size_t len, void *value, int64_t until,
		  int64_t now);

void expiring_remove(struct expiring *e, const void *key, size_t len);
void expiring_clear(struct expiring *e);
size_t expiring_count(
    const struct expiring *e); /* those too whose time is over, but which are not freed yet */

#endif

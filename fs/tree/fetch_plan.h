/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of a blob are fetched when a layer is read before it is downloaded. A reader that goes
 * on where the last fetch ended gets more each time, and the next bytes are under way before it asks.
 * A reader that picks gets what it asked for. Thread safe.
 */
#ifndef FS_FETCH_PLAN_H
#define FS_FETCH_PLAN_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"

#include <stdbool.h>

struct fetch_plan;
/* window_max: bytes that are fetched at once at most for a reader that goes on; never more than 8 MiB. */
int fetch_plan_open(uint64_t window_max, struct fetch_plan **out, struct err *err);
void fetch_plan_close(struct fetch_plan *z); /* NULL is allowed */

/* A fetch that is under way. */
struct planned_fetch;

/*
 * Bytes of a blob of `size` bytes are missing. *fetch brings the first of them: it is under way already,
 * or new. *ahead is another one that the caller starts besides, or NULL. Both are references. -ENOMEM.
 */
int fetch_plan_make(struct fetch_plan *z, const struct digest *blob, uint64_t size,
		    struct byte_range missing, struct planned_fetch **fetch,
		    struct planned_fetch **ahead, struct err *err);
/* Its bytes so far: until it begins, it grows by missing bytes that lie beside it. */
struct byte_range planned_fetch_range(struct fetch_plan *z, const struct planned_fetch *f);
/* The registry is asked now: its bytes, which do not change any more. */
struct byte_range planned_fetch_begin(struct fetch_plan *z, struct planned_fetch *f);
uint64_t planned_fetch_number(const struct planned_fetch *f); /* no two have the same */

/* How many bytes of a blob are under way. */
uint64_t fetch_plan_coming(struct fetch_plan *z, const struct digest *blob);

/* True where a fetch of any blob is under way: a reader waits for it, or soon will. */
bool fetch_plan_busy(struct fetch_plan *z);

/* Drops a reference; NULL is allowed. A fetch is under way as long as there is a reference to it. */
void planned_fetch_put(struct fetch_plan *z, struct planned_fetch *f);

/* The fetch failed: the next one of its blob brings what is missing, and no more. */
void planned_fetch_failed(struct fetch_plan *z, struct planned_fetch *f);

#endif

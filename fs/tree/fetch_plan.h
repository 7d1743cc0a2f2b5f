/* SPDX-License-Identifier: MIT */
/*
 * What of a blob is fetched for those who read a layer before it is downloaded: which bytes, and
 * how many more. Who reads on where the last fetch ended gets more each time, and the next bytes
 * are under way before he asks. Who picks gets what he asked for. Thread safe.
 */
#ifndef FS_FETCH_PLAN_H
#define FS_FETCH_PLAN_H

#include "store/base/digest.h"
#include "store/base/mem.h"
#include "store/base/ranges.h"

#include <stdbool.h>

struct fetch_plan;
/* window_max: bytes that are fetched at once at most for who reads on, where that is less than 8 MiB. */
int fetch_plan_open(uint64_t window_max, struct fetch_plan **out, struct err *err);
void fetch_plan_close(struct fetch_plan *z); /* NULL is allowed */

/* A fetch that is under way. */
struct planned_fetch;

/*
 * Bytes of a blob of that size are missing. *fetch is to bring the first of them: one under way, or
 * a new one. *ahead is another one that is to be started besides, or NULL. Both are references.
 */
int fetch_plan_make(struct fetch_plan *z, const struct digest *blob, uint64_t size,
		    struct byte_range missing, struct planned_fetch **fetch,
		    struct planned_fetch **ahead, struct err *err);
/* So far: until it begins, what lies beside it joins it, so that it is one request. */
struct byte_range planned_fetch_range(struct fetch_plan *z, const struct planned_fetch *f);
/* It is asked for now. What it is for from here on. */
struct byte_range planned_fetch_begin(struct fetch_plan *z, struct planned_fetch *f);
uint64_t planned_fetch_number(const struct planned_fetch *f); /* no two have the same */

/* Bytes of a blob that are under way. */
uint64_t fetch_plan_coming(struct fetch_plan *z, const struct digest *blob);

/* Somebody waits for bytes of some blob, or soon will. */
bool fetch_plan_busy(struct fetch_plan *z);

/* It is under way as long as there is a reference to it. */
void planned_fetch_put(struct fetch_plan *z, struct planned_fetch *f);

/* It failed: the next one is for what is missing, and no more. */
void planned_fetch_failed(struct fetch_plan *z, struct planned_fetch *f);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Failures that are still an answer: for a few seconds after a job has failed, a request for the
 * same gets its error instead of a new job. Bounded. Not thread safe: the jobs' lock guards it.
 */
#ifndef FS_FAILURES_H
#define FS_FAILURES_H

#include "store/base/err.h"

#include <stdint.h>

#define FAILURES_KEPT_MS 3000

struct failures;

struct failures *failures_new(void); /* NULL: out of memory */
void failures_free(struct failures *f);

/* Times are of one clock, in ms. Out of memory, nothing is remembered. */
void failures_remember(struct failures *f, const char *key, const struct err *err, int64_t now);

/* The error that is remembered for a key, or NULL; valid until the next call. */
const struct err *failures_recall(struct failures *f, const char *key, int64_t now);

#endif

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

/* Of a host that has not answered in time: as long as a LOOKUP has waited for it. */
#define FAILURES_SILENT_MS 15000

struct failures;

struct failures *failures_new(void); /* NULL: out of memory */
void failures_free(struct failures *f);

/* What work for a key came to: 0 or -errno. A timeout is remembered of the host as well, another
 * answer ends that. Times are of one clock, in ms. NULL for what is not to be remembered; out of
 * memory, nothing is. */
void failures_note(struct failures *f, const char *key, const char *host, int result,
		   const struct err *err, int64_t now);

/* The error that is remembered for a key, or else for its host (or NULL), or NULL; valid until the
 * next call. No key is equal to a host. */
const struct err *failures_recall(struct failures *f, const char *key, const char *host,
				  int64_t now);

#endif

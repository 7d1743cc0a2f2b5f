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

/* For so long a host that did not answer in time is not asked: as long as a LOOKUP waits for it. */
#define FAILURES_SILENT_MS 15000

struct failures;

struct failures *failures_new(void); /* NULL: out of memory */
void failures_free(struct failures *f);

/* Notes what work for a key came to: 0 or -errno. -ETIMEDOUT is remembered for the host as well; any
 * other result ends that. `now` is in ms, of one clock. Key or host may be NULL: nothing is remembered
 * for it. Nothing is remembered where memory is out. */
void failures_note(struct failures *f, const char *key, const char *host, int result,
		   const struct err *err, int64_t now);

/* The error that is remembered for the key, else for its host (NULL: no host); NULL where there is
 * none. Valid until the next call. No key is equal to a host. */
const struct err *failures_recall(struct failures *f, const char *key, const char *host,
				  int64_t now);

#endif

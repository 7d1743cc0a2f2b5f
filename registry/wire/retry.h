/* SPDX-License-Identifier: MIT */
/*
 * When to ask again, and after how long. Pure: the caller waits.
 *
 * At most RETRY_TRIES requests without progress, 0.5 s, 1 s, 2 s, 4 s apart (each ± half of it at
 * random, so that many clients do not come back together). Where the first failure is a connection
 * that broke, the next request follows at once, and the waits begin after that. A longer Retry-After
 * counts instead, at most RETRY_AFTER_MAX_MS of it. A timeout costs as much as three tries, so two
 * timeouts end it. RETRY_PROGRESS bytes are progress, and start the count anew.
 */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define RETRY_TRIES	   5
#define RETRY_TIMEOUT_COST 3
#define RETRY_AFTER_MAX_MS 60000
#define RETRY_PROGRESS	   (64u << 10)

enum retry_cause {
	RETRY_NEVER,   /* asking again gives the same */
	RETRY_CUT,     /* the connection broke, or could not be made in the midst of a transfer */
	RETRY_TIMEOUT, /* a limit passed */
	RETRY_BUSY     /* 429 or 5xx */
};

/* What came of one try that failed, for the next. */
struct retry_failure {
	enum retry_cause cause;
	int64_t after_ms; /* of Retry-After; -1: none */
	bool silent;	  /* the host did not answer at all */
};
#define RETRY_FAILURE_NONE ((struct retry_failure){.cause = RETRY_NEVER, .after_ms = -1})

struct retry {
	unsigned spent;	   /* of RETRY_TRIES */
	unsigned waits;	   /* in a row */
	uint64_t progress; /* bytes since the count started */
};

/* Bytes came. */
void retry_progress(struct retry *r, uint64_t bytes);

/* A request failed. Returns the milliseconds to wait before the next, or -1: it was the last.
 * `after_ms` is what Retry-After asked for, -1: nothing. `random` is any number. */
int64_t retry_next(struct retry *r, enum retry_cause cause, int64_t after_ms, uint32_t random);

/* Retry-After (RFC 9110, 10.2.3): seconds, or an HTTP date seen from `now`. Milliseconds within
 * [0, RETRY_AFTER_MAX_MS]; -1 for NULL and for what is neither. */
int64_t retry_after(const char *value, time_t now);

#endif

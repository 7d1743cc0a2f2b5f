/* SPDX-License-Identifier: MIT */
/*
 * A flag that tells a waiting or long-running piece of work to stop. Any thread may set
 * it; it is never cleared. Work polls it between steps. A wait that cannot poll
 * registers a wake-up. The flag owns nothing and lives as long as its job.
 */
#ifndef STORE_CANCEL_H
#define STORE_CANCEL_H

#include "store/base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cancel {
	pthread_mutex_t lock;
	atomic_bool set;	 /* changed under lock */
	void (*wake)(void *arg); /* under lock; runs with the lock held: it must be short */
	void *arg;
	int64_t deadline_ms; /* as clock_ms; 0: none. Fixed before the work starts */
};

void cancel_init(struct cancel *c);
void cancel_destroy(struct cancel *c);

/* Tells the work to stop. The first call runs the wake-up. */
void cancel_set(struct cancel *c);

/* -EINTR ("interrupted") if the flag is set; -ETIMEDOUT after the deadline; else, and for NULL, 0. */
int cancel_check(struct cancel *c, struct err *err);

/* Registers the wake-up of the one wait under way, and runs it at once if the flag is set already.
 * With NULL it removes the wake-up, and returns when that is not running any more. */
void cancel_on_set(struct cancel *c, void (*wake)(void *arg), void *arg);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A flag by which a waiting or long-running piece of work is told to stop. Set
 * once, from any thread, never cleared. Work polls it between steps; a wait that
 * cannot poll registers a wake-up. Does not own anything; lives as long as the job
 * that it belongs to.
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
	void (*wake)(void *arg); /* under lock; called once, with the lock held: it must be short */
	void *arg;
	int64_t deadline_ms; /* CLOCK_MONOTONIC, 0: none. Fixed before the work starts */
};

void cancel_init(struct cancel *c);
void cancel_destroy(struct cancel *c);

/* Tells the work to stop. */
void cancel_set(struct cancel *c);

/* 0, or -EINTR ("interrupted") when set, or -ETIMEDOUT when the deadline has passed. NULL is never
 * set. */
int cancel_check(struct cancel *c, struct err *err);

/* Registers the wake-up of the one wait under way (NULL takes it back, and returns when it is not
 * running any more). Called at once when the flag is set already. */
void cancel_on_set(struct cancel *c, void (*wake)(void *arg), void *arg);

#endif

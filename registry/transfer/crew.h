/* SPDX-License-Identifier: MIT */
/*
 * The blobs of a transfer, several at a time. A few threads take tasks from a list, each task once,
 * the largest first, so that no large one is left for the end. The first failure stops the other
 * threads, and is reported. The bytes of all tasks are summed up for the transfer's watch. A crew
 * belongs to one thread; while that is in crew_run(), the workers share it under its lock.
 */
#ifndef REGISTRY_CREW_H
#define REGISTRY_CREW_H

#include "registry/transfer/transfer.h"

#include <pthread.h>

struct crew_task {
	const void *what; /* borrowed: the caller's */
	uint64_t size;	  /* bytes */
	/* Under the crew's lock: */
	uint64_t done; /* bytes */
	bool taken;
	bool ended; /* well */
};

struct crew {
	/* The caller sets all down to large_free. */
	const struct transfer *transfer;
	/* Does a task. `own` is the transfer with a cancel of the thread's own. Its watch is told
	 * only the task's bytes; lines go to the crew's transfer, with the lock held. */
	int (*run)(struct crew *c, const struct crew_task *t, const struct transfer *own,
		   struct err *err);
	/* The blob that a task is for, to tell the watch; or NULL. */
	const struct digest *(*digest)(const void *what);
	/* Called, with the lock held, by a thread that finds no task to take; or NULL. */
	void (*spare)(struct crew *c);
	void *arg;
	bool (*is_large)(const struct crew_task *t); /* NULL: none is */
	long large_free;			     /* large tasks that may be under way at once */

	struct crew_task *tasks; /* owned */
	size_t count;
	uint64_t done, total; /* bytes of all tasks */

	pthread_mutex_t lock;	/* while it runs; guards calls of the watch, too */
	pthread_cond_t changed; /* a task has ended, or the result has changed */
	int result;		/* of the first that failed */
	struct err *err;
	struct crew_worker *workers;
};

/* Adds a task of `size` bytes, of which `done` are there. -ENOMEM; -EPROTO: all sizes together are too
 * large. */
int crew_add(struct crew *c, const void *what, uint64_t size, uint64_t done, struct err *err);

/* Sorts the tasks and runs them until all have ended: 0, or the first failure. */
int crew_run(struct crew *c, struct err *err);

/* For `spare`: waits until a task has ended well. False where the crew has failed. */
bool crew_await(struct crew *c, const struct crew_task *t);

/* For `spare`, which calls it without the lock: reports a failure as if a task had failed. */
void crew_fail(struct crew *c, int result, const struct err *why);

void crew_clear(struct crew *c);
#define autocrew __attribute__((cleanup(crew_clear))) struct crew

#endif

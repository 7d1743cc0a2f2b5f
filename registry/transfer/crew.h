/* SPDX-License-Identifier: MIT */
/*
 * The blobs of a transfer, several at a time. A few threads take tasks from a list, the largest
 * first, so that no large one is left for the end, and each task once. The first failure stops the
 * others; it is the one that is reported. The bytes of all tasks are summed up for the transfer's
 * watch. Belongs to one thread; while that is in crew_run(), its
 * workers share it under its lock.
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
	/* What the caller sets. */
	const struct transfer *transfer;
	/* Does a task. `own` is the transfer with a cancel of the thread's own; its watch is told
	 * the task's bytes, and no lines: those go to the crew's transfer, with the lock held. */
	int (*run)(struct crew *c, const struct crew_task *t, const struct transfer *own,
		   struct err *err);
	/* Which blob a task is of, for the watch. */
	const struct digest *(*digest)(const void *what);
	/* What a thread does that finds nothing left to take, with the lock held; or NULL. */
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

/* One more task, of which `done` bytes are there. */
int crew_add(struct crew *c, const void *what, uint64_t size, uint64_t done, struct err *err);

/* Until all tasks have ended: 0, or the first failure. Sorts the tasks. */
int crew_run(struct crew *c, struct err *err);

/* For `spare`: waits until a task has ended well. False where the crew has failed. */
bool crew_await(struct crew *c, const struct crew_task *t);

/* For `spare`, without the lock: a failure as that of a task. */
void crew_fail(struct crew *c, int result, const struct err *why);

void crew_clear(struct crew *c);
#define autocrew __attribute__((cleanup(crew_clear))) struct crew

#endif

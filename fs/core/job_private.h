/* SPDX-License-Identifier: MIT */
/*
 * What is inside jobs: for job.c, which runs them, job_sit.c, where one waits for another, and
 * job_views.c, which tells of them.
 */
#ifndef FS_JOB_PRIVATE_H
#define FS_JOB_PRIVATE_H

#include "fs/core/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_ENDED };

struct job {
	struct jobs *jobs;
	TAILQ_ENTRY(job) link; /* in jobs->list while not ended; under jobs->lock */
	atomic_uint refs;
	char *key;	      /* owned: job_key_text; NULL: none */
	struct job_spec spec; /* owned: title, class and arg; its key is not the job's */
	struct cancel cancel;
	enum job_state state; /* under jobs->lock, with all down to started_ms */
	bool keyed;	      /* is in jobs->by_key */
	struct job_waiter *waiters;
	unsigned waiting;
	unsigned coming; /* references by job_start or job_take_up without a wait or decline yet */
	int result;
	struct err err;
	struct buf output, marks;
	int64_t started_ms; /* when it began to run */
	int64_t left_ms;    /* when it is cancelled, as nobody waits; 0: never so */
	atomic_uint_fast64_t done, total;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* a job may be startable */
	pthread_cond_t quiet;		/* a thread ended */
	TAILQ_HEAD(job_list, job) list; /* queued and running, oldest first */
	struct map *by_key;		/* key → shared job under way */
	struct failures *failures;
	unsigned threads, idle;
	unsigned sitting; /* threads whose job waits for another one (job_sit) */
	bool stopping;
	uint64_t started, failed;
};

#endif

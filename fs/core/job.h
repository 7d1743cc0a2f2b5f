/* SPDX-License-Identifier: MIT */
/*
 * Jobs: work that may wait for the network or take long, on threads of its own, so
 * that no FUSE worker ever waits. A job has a key (job_key.h). Where it is shared, a request for the
 * same key joins the job under way, and a failure is remembered for a few seconds, so that
 * a hundred readers of a missing name ask the registry once. Waiters are told when the job ends. When
 * the last of them gives up, the job is cancelled, at once or when none has come back for a while.
 *
 * Fairness: at most JOBS_PER_CLASS jobs of one class (a registry's host) run at a
 * time, so that a dead registry holds up nobody who asks another.
 *
 * Thread safe. No lock is held while a job's function or a waiter's callback runs.
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include "fs/core/board.h"
#include "fs/core/job_key.h"
#include "store/base/buf.h"
#include "store/base/cancel.h"
#include "store/base/err.h"

#include <stdint.h>

#define JOBS_PER_CLASS	16
#define JOB_NO_DEADLINE 0

struct jobs;
struct job;

int jobs_open(struct jobs **out, struct err *err);

/* Cancels all jobs and waits until none runs: those that have not begun end with -EINTR. Later starts
 * fail with -EINTR. */
void jobs_stop(struct jobs *js);
void jobs_close(struct jobs *js); /* stops them first; NULL is allowed */

struct job_spec {
	struct job_key key; /* copied */
	bool shared;	    /* others join it, and its failure is remembered; it has a key */
	const char *title;  /* copied: what ctl/jobs shows */
	const char *class;  /* copied: a registry's host, or another word */
	bool asks_class;    /* its class is a host, which nobody asks for a while after a timeout */
	unsigned at_once;   /* jobs of the class that run at a time; 0: JOBS_PER_CLASS */
	int64_t grace_ms;   /* how long it goes on when its last waiter has left; 0: not at all */
	int64_t limit_ms;   /* for the whole job, from now, or JOB_NO_DEADLINE */
	int (*run)(struct job *j, void *arg, struct err *err);
	struct board *board; /* part of arg, or NULL: what it tells while it runs */
	void *arg;	     /* taken, also where the start fails or another job is joined */
	void (*free_arg)(void *arg); /* or NULL */
	/* Called once when the job has ended, before its waiters are told; for logs and events. Or
	 * NULL. */
	void (*ended)(void *ended_arg, const char *title, int result, const struct err *err);
	void *ended_arg;
};

/* Starts a job or joins one. *out is a reference, for which the job goes on until job_wait or
 * job_decline; `out` NULL: nobody waits. A failure that is remembered for the key is returned at once;
 * else -EINTR after jobs_stop, -ENOMEM, or -EAGAIN: no thread. */
int job_start(struct jobs *js, const struct job_spec *spec, struct job **out, struct err *err);
struct job *job_get(struct job *j); /* another reference */
void job_put(struct job *j);	    /* NULL is allowed */

struct job_waiter {
	struct job_waiter *next;
	bool left; /* job_leave was called; under the jobs' lock */
	/* The job has ended. Called once: on the job's thread, or by job_wait where it had ended. */
	void (*done)(struct job_waiter *w);
};

/* Adds a waiter, which is borrowed until done is called or job_leave gives true. True: done may have
 * been called already, so the caller must not touch the waiter. False: job_leave was called for it
 * before; it is not added, and done is not called. The reference stays the caller's. */
bool job_wait(struct job *j, struct job_waiter *w);

/* Takes a waiter back. True: it was waiting, and done will not be called. False: done was called or is
 * about to be, or job_wait for it is still to come and will refuse it. The last one to leave cancels
 * the job, at once or after its grace. */
bool job_leave(struct job *j, struct job_waiter *w);

/* Instead of job_wait: puts the reference. The last one to decline cancels the job, as in job_leave. */
void job_decline(struct job *j);

/* One more reference, as job_start gives it, where no waiter is left (all have gone, or the job has
 * ended); else NULL. */
struct job *job_take_up(struct job *j);

/* What a job that has ended came to: 0 or -errno, and then its error is copied. */
int job_outcome(const struct job *j, struct err *err);
bool job_has_key(const struct job *j, const struct job_key *key);
bool job_is_of_kind(const struct job *j, const char *kind);

/* For the function that runs. `done` and `total` are bytes. */
struct cancel *job_cancel(struct job *j);
void job_progress(struct job *j, uint64_t done, uint64_t total);

/* What the function leaves for its waiters. The job owns it; the function writes it, and it is read
 * after the job's end. */
struct buf *job_result(struct job *j);

struct board *job_board(const struct job *j); /* or NULL */

/* Room for what the function remembers of what it leaves (porcelain.h). */
struct buf *job_marks(struct job *j);

/* A job that is queued or running. */
struct job_view {
	const char *title; /* anybody's words */
	bool running;
	int64_t ran_ms;	      /* 0 where it is queued */
	unsigned waiting;     /* waiters */
	uint64_t done, total; /* bytes */
	struct board *board;  /* or NULL; its lock may be taken */
};

/* Shows all jobs, the oldest first. The jobs' lock is held: `see` must not call a function of jobs. */
void jobs_each(struct jobs *js, void (*see)(void *arg, const struct job_view *v), void *arg);

struct jobs_counts {
	uint64_t running, queued, waiting, started, failed; /* the last two: since jobs_open */
};
void jobs_count(struct jobs *js, struct jobs_counts *out);

#endif

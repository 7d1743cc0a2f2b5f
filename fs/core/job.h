/* SPDX-License-Identifier: MIT */
/*
 * Jobs: work that may wait for the network or take long, on threads of its own, so
 * that no FUSE worker ever waits. A job has a key (job_key.h). Where it is shared, who asks
 * for the same key joins the job under way, and a failure is remembered for a few seconds, so that
 * a hundred readers of a missing name ask the registry once. Waiters are told when it ends; when
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

/* Cancels all jobs and waits until none runs; their waiters get -EINTR. Later starts fail with
 * -EINTR. */
void jobs_stop(struct jobs *js);
void jobs_close(struct jobs *js); /* after jobs_stop; NULL is allowed */

struct job_spec {
	struct job_key key; /* copied */
	bool shared;	    /* others join it, and its failure is remembered; it has a key */
	const char *title;  /* copied: what ctl/jobs shows */
	const char *class;  /* copied */
	bool asks_class;    /* where it ends too late, so do others of its class, for a while */
	unsigned at_once;   /* jobs of the class that run at a time; 0: JOBS_PER_CLASS */
	int64_t grace_ms;   /* how long it goes on when its last waiter has left; 0: not at all */
	int64_t limit_ms;   /* for the whole job, from now, or JOB_NO_DEADLINE */
	int (*run)(struct job *j, void *arg, struct err *err);
	struct board *board; /* of arg, or NULL: what it tells while it runs */
	void *arg;	     /* the job's from the call on, also when it fails or joins another */
	void (*free_arg)(void *arg);
	/* Told once when it ended, before its waiters are; for logs and events. Or NULL. */
	void (*ended)(void *ended_arg, const char *title, int result, const struct err *err);
	void *ended_arg;
};

/* Starts or joins. *out is a reference, for which the job goes on until job_wait or job_decline;
 * `out` NULL: nobody waits. A failure remembered for the key is returned at once. */
int job_start(struct jobs *js, const struct job_spec *spec, struct job **out, struct err *err);
struct job *job_get(struct job *j); /* another reference */
void job_put(struct job *j);	    /* NULL is allowed */

struct job_waiter {
	struct job_waiter *next;
	bool left; /* job_leave was called; under the jobs' lock */
	/* The job ended. Called once: on the job's thread, or at once by job_wait. */
	void (*done)(struct job_waiter *w);
};

/* Adds a waiter (borrowed until done, or until job_leave gives true); the caller may not touch it
 * any more where this gives true. False where job_leave was called for it already: it is not added,
 * and done is not called. */
bool job_wait(struct job *j, struct job_waiter *w);

/* Takes a waiter back, now or as soon as it comes: true where it was waiting (done will not be
 * called). The last one to leave cancels the job, at once or after its grace. */
bool job_leave(struct job *j, struct job_waiter *w);

/* Instead of job_wait: puts the reference. Who is the last one cancels the job as by job_leave. */
void job_decline(struct job *j);

/* One more reference, as job_start gives it, where nobody waits (any more, or its end has been
 * told); else NULL. */
struct job *job_take_up(struct job *j);

/* What a job that has ended came to; the error is copied. */
int job_outcome(const struct job *j, struct err *err);
bool job_has_key(const struct job *j, const struct job_key *key);
bool job_is_of_kind(const struct job *j, const char *kind);

/* For the function that runs. */
struct cancel *job_cancel(struct job *j);
void job_progress(struct job *j, uint64_t done, uint64_t total);

/* What the function leaves for its waiters, the job's: written by the function, read after
 * the end. */
struct buf *job_result(struct job *j);

struct board *job_board(const struct job *j); /* or NULL */

/* Room for what the function remembers of what it leaves (porcelain.h). */
struct buf *job_marks(struct job *j);

/* A job that is queued or running. */
struct job_view {
	const char *title; /* anybody's words */
	bool running;
	int64_t ran_ms; /* 0 where it is queued */
	unsigned waiting;
	uint64_t done, total; /* bytes */
	struct board *board;  /* or NULL; its lock may be taken */
};

/* Shows them all, the oldest first. The jobs' lock is held: `see` calls nothing of them. */
void jobs_each(struct jobs *js, void (*see)(void *arg, const struct job_view *v), void *arg);

struct jobs_counts {
	uint64_t running, queued, waiting, started, failed;
};
void jobs_count(struct jobs *js, struct jobs_counts *out);

#endif

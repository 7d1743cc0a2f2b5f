/* SPDX-License-Identifier: MIT */
#include "fs/core/job_private.h"

#include "store/base/clock.h"

void jobs_each(struct jobs *js, void (*see)(void *arg, const struct job_view *v), void *arg)
{
	int64_t now = clock_ms();
	const struct job *j;

	pthread_mutex_lock(&js->lock);
	TAILQ_FOREACH(j, &js->list, link) {
		bool running = j->state == JOB_RUNNING;

		see(arg, &(struct job_view){.title = j->spec.title,
					    .running = running,
					    .ran_ms = running ? now - j->started_ms : 0,
					    .waiting = j->waiting,
					    .board = j->spec.board,
					    .done = atomic_load(&j->done),
					    .total = atomic_load(&j->total)});
	}
	pthread_mutex_unlock(&js->lock);
}

void jobs_count(struct jobs *js, struct jobs_counts *out)
{
	const struct job *j;

	*out = (struct jobs_counts){0};
	pthread_mutex_lock(&js->lock);
	TAILQ_FOREACH(j, &js->list, link) {
		out->running += j->state == JOB_RUNNING;
		out->queued += j->state == JOB_QUEUED;
		out->waiting += j->waiting;
	}
	out->started = js->started;
	out->failed = js->failed;
	pthread_mutex_unlock(&js->lock);
}

int job_outcome(const struct job *j, struct err *err)
{
	if (j->result < 0 && err)
		*err = j->err;
	return j->result;
}

bool job_has_key(const struct job *j, const struct job_key *key)
{
	return j->key && job_key_is(key, j->key);
}

bool job_is_of_kind(const struct job *j, const char *kind)
{
	return j->key && job_key_is_of_kind(j->key, kind);
}

struct cancel *job_cancel(struct job *j)
{
	return &j->cancel;
}

void job_progress(struct job *j, uint64_t done, uint64_t total)
{
	atomic_store_explicit(&j->done, done, memory_order_relaxed);
	atomic_store_explicit(&j->total, total, memory_order_relaxed);
}

struct buf *job_result(struct job *j)
{
	return &j->output;
}

struct board *job_board(const struct job *j)
{
	return j->spec.board;
}

struct buf *job_marks(struct job *j)
{
	return &j->marks;
}

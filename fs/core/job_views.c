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

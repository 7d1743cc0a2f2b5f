/* SPDX-License-Identifier: MIT */
/* For the tests of jobs: a job that waits at a gate, and who waits for a job. Behind cmocka.h. */
#ifndef TESTS_JOB_GATE_H
#define TESTS_JOB_GATE_H

#include "fs/core/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* A job's function that waits until it is let go or cancelled, and counts its runs. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int result;
	atomic_int runs, running, most;
};

static inline void gate_init(struct gate *g)
{
	memset(g, 0, sizeof(*g));
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
}

static inline void gate_open(void *arg)
{
	struct gate *g = arg;

	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static inline int gate_run(struct job *j, void *arg, struct err *err)
{
	struct gate *g = arg;
	int now = atomic_fetch_add(&g->running, 1) + 1, most = atomic_load(&g->most), r;

	atomic_fetch_add(&g->runs, 1);
	while (now > most && !atomic_compare_exchange_weak(&g->most, &most, now))
		;
	cancel_on_set(job_cancel(j), gate_open, g);
	pthread_mutex_lock(&g->lock);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
	cancel_on_set(job_cancel(j), NULL, NULL);
	atomic_fetch_sub(&g->running, 1);
	buf_puts(job_result(j), "done");
	r = cancel_check(job_cancel(j), err);
	return r < 0 ? r : g->result ? err_set(err, -g->result, "the gate says no") : 0;
}

struct waiter {
	struct job_waiter w;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int told;
};

static inline void waiter_done(struct job_waiter *w)
{
	struct waiter *me = (struct waiter *)w;

	pthread_mutex_lock(&me->lock);
	me->told++;
	pthread_cond_broadcast(&me->changed);
	pthread_mutex_unlock(&me->lock);
}

static inline void waiter_init(struct waiter *me)
{
	memset(me, 0, sizeof(*me));
	pthread_mutex_init(&me->lock, NULL);
	pthread_cond_init(&me->changed, NULL);
	me->w.done = waiter_done;
}

static inline void waiter_wait(struct waiter *me)
{
	pthread_mutex_lock(&me->lock);
	while (!me->told)
		pthread_cond_wait(&me->changed, &me->lock);
	pthread_mutex_unlock(&me->lock);
}

static inline struct job *start_key(struct jobs *js, const struct job_key *key, const char *title,
				    const char *class, struct gate *g)
{
	struct job_spec spec = {.key = *key,
				.shared = key->kind != NULL,
				.title = title,
				.class = class,
				.run = gate_run,
				.arg = g};
	struct err err = {0};
	struct job *j = NULL;

	assert_int_equal(job_start(js, &spec, &j, &err), 0);
	return j;
}

static inline struct job *start(struct jobs *js, const char *key, const char *class, struct gate *g)
{
	return start_key(js, &(struct job_key){.kind = key ? "test" : NULL, .name = key},
			 key ? key : "a job", class, g);
}

static inline void jobs_end(struct jobs *js)
{
	jobs_stop(js);
	jobs_close(js);
}

#endif

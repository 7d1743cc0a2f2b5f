/* SPDX-License-Identifier: MIT */
/*
 * Every worker has a cancel of its own, since a cancel wakes only one wait. A failure, or the
 * transfer's own cancel, sets all of them.
 */
#include "registry/transfer/crew.h"

#include <errno.h>

#define WORKERS 4

struct crew_worker {
	struct crew *crew;
	struct crew_task *task; /* at work on */
	struct cancel cancel;
	struct transfer_watch watch;
	struct transfer transfer; /* the crew's, with these two */
	pthread_t thread;
};

int crew_add(struct crew *c, const void *what, uint64_t size, uint64_t done, struct err *err)
{
	struct crew_task *tasks = reallocarray(c->tasks, c->count + 1, sizeof(*tasks));

	if (!tasks)
		return err_nomem(err);
	c->tasks = tasks;
	if (__builtin_add_overflow(c->total, size, &c->total))
		return err_set(err, EPROTO, "the sizes of its blobs are too large");
	c->done += done;
	tasks[c->count++] = (struct crew_task){.what = what, .size = size, .done = done};
	return 0;
}

void crew_clear(struct crew *c)
{
	free(c->tasks);
}

/* The task has `done` bytes. */
static void crew_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	struct crew_worker *w = arg;
	struct crew *c = w->crew;

	(void)total;
	pthread_mutex_lock(&c->lock);
	c->done += done - w->task->done; /* wraps where it began anew */
	w->task->done = done;
	transfer_bytes(c->transfer, c->done, c->total);
	if (c->digest)
		transfer_blob(c->transfer, c->digest(w->task->what), done, w->task->size);
	pthread_mutex_unlock(&c->lock);
}

static void crew_stop(void *arg)
{
	struct crew *c = arg;

	for (size_t i = 0; i < WORKERS; i++)
		cancel_set(&c->workers[i].cancel);
}

static bool is_large(const struct crew *c, const struct crew_task *t)
{
	return c->is_large && c->is_large(t);
}

/* NULL: nothing is left that this worker may begin. Large tasks that wait are then taken by those
 * who are at work on large ones. */
static struct crew_task *crew_take(struct crew *c)
{
	struct crew_task *t = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; c->result == 0 && !t && i < c->count; i++)
		if (!c->tasks[i].taken && (!is_large(c, &c->tasks[i]) || c->large_free > 0))
			t = &c->tasks[i];
	if (t) {
		t->taken = true;
		c->large_free -= is_large(c, t);
	}
	pthread_mutex_unlock(&c->lock);
	return t;
}

/* The first failure counts. Cancels are set without the lock, as what they wake has its own. */
static void crew_end(struct crew *c, struct crew_task *t, int result, const struct err *why)
{
	pthread_mutex_lock(&c->lock);
	if (t) {
		c->large_free += is_large(c, t);
		t->ended = result == 0;
	}
	if (result < 0 && c->result == 0) {
		c->result = result;
		if (c->err)
			*c->err = *why;
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (result < 0)
		crew_stop(c);
}

void crew_fail(struct crew *c, int result, const struct err *why)
{
	crew_end(c, NULL, result, why);
}

bool crew_await(struct crew *c, const struct crew_task *t)
{
	while (c->result == 0 && !t->ended)
		pthread_cond_wait(&c->changed, &c->lock);
	return c->result == 0;
}

static void *crew_work(void *arg)
{
	struct crew_worker *w = arg;
	struct crew *c = w->crew;

	while ((w->task = crew_take(c))) {
		struct err err = {0};
		int r = c->run(c, w->task, &w->transfer, &err);

		crew_end(c, w->task, r, &err);
	}
	if (c->spare) {
		pthread_mutex_lock(&c->lock);
		c->spare(c);
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static int crew_larger_first(const void *va, const void *vb)
{
	const struct crew_task *a = va, *b = vb;

	return (a->size < b->size) - (a->size > b->size);
}

static void crew_worker_init(struct crew_worker *w, struct crew *c)
{
	*w = (struct crew_worker){.crew = c, .transfer = *c->transfer};
	w->watch = (struct transfer_watch){.arg = w, .bytes = crew_on_bytes};
	cancel_init(&w->cancel);
	if (c->transfer->cancel)
		w->cancel.deadline_ms = c->transfer->cancel->deadline_ms;
	w->transfer.cancel = &w->cancel;
	w->transfer.watch = &w->watch;
}

static void run_workers(struct crew *c)
{
	struct crew_worker *workers = c->workers;
	size_t started = 0;

	/* The last one is this thread; where no more threads are to be had, it is the only one. */
	while (started + 1 < WORKERS && started + 1 < c->count &&
	       pthread_create(&workers[started].thread, NULL, crew_work, &workers[started]) == 0)
		started++;
	crew_work(&workers[started]);
	for (size_t i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
}

int crew_run(struct crew *c, struct err *err)
{
	struct cancel *outer = c->transfer->cancel;
	struct crew_worker workers[WORKERS];

	qsort(c->tasks, c->count, sizeof(*c->tasks), crew_larger_first);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->err = err;
	c->workers = workers;
	for (size_t i = 0; i < WORKERS; i++)
		crew_worker_init(&workers[i], c);
	if (outer)
		cancel_on_set(outer, crew_stop, c);
	run_workers(c);
	if (outer)
		cancel_on_set(outer, NULL, NULL);
	for (size_t i = 0; i < WORKERS; i++)
		cancel_destroy(&workers[i].cancel);
	c->workers = NULL;
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	return c->result;
}

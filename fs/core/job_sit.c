/* SPDX-License-Identifier: MIT */
#include "fs/core/job_sit.h"

#include "fs/core/job_private.h"

#include <errno.h>

struct sitter {
	struct job_waiter waiter; /* first: it is given back to us */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool ended, told; /* under lock: the job has ended; who waits is to stop */
};

static void set_and_wake(struct sitter *s, bool *what)
{
	pthread_mutex_lock(&s->lock);
	*what = true;
	pthread_cond_signal(&s->moved);
	pthread_mutex_unlock(&s->lock);
}

static void sitter_ended(struct job_waiter *w)
{
	struct sitter *s = (struct sitter *)w;

	set_and_wake(s, &s->ended);
}

static void sitter_told(void *arg)
{
	struct sitter *s = arg;

	set_and_wake(s, &s->told);
}

/* One thread always runs jobs that wait for none, so each wait ends: where no more threads are to be
 * had, that may be all of them. */
static int sit_down(struct jobs *js, struct err *err)
{
	bool room;

	pthread_mutex_lock(&js->lock);
	room = js->sitting + 1 < js->threads;
	js->sitting += room;
	pthread_mutex_unlock(&js->lock);
	return room ? 0 : err_set(err, EAGAIN, "no thread is left for what it waits for");
}

static void stand_up(struct jobs *js)
{
	pthread_mutex_lock(&js->lock);
	js->sitting--;
	pthread_mutex_unlock(&js->lock);
}

/* Whether the job has ended: else who waits was told to stop. */
static bool sit_until(struct sitter *s, bool also_told)
{
	bool ended;

	pthread_mutex_lock(&s->lock);
	while (!s->ended && !(also_told && s->told))
		pthread_cond_wait(&s->moved, &s->lock);
	ended = s->ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

int job_sit(struct job *j, struct cancel *cancel, struct err *err)
{
	struct sitter s = {.waiter = {.done = sitter_ended}};
	int r = sit_down(j->jobs, err);

	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.moved, NULL);
	job_wait(j, &s.waiter);
	if (!r) {
		cancel_on_set(cancel, sitter_told, &s);
		r = sit_until(&s, true) ? 0 : cancel_check(cancel, err);
		cancel_on_set(cancel, NULL, NULL);
		stand_up(j->jobs);
	}
	if (r && !job_leave(j, &s.waiter))
		sit_until(&s, false); /* it is just being told that the job has ended */
	pthread_cond_destroy(&s.moved);
	pthread_mutex_destroy(&s.lock);
	return r;
}

int request_sit(struct request *rq, struct cancel *cancel, int r, struct err *err)
{
	if (r != FS_WAIT)
		return r;
	job_put(rq->ended);
	rq->ended = rq->wait;
	rq->wait = NULL;
	r = job_sit(rq->ended, cancel, err);
	return r ? r : FS_WAIT;
}

void request_leave(struct request *rq)
{
	job_put(rq->ended);
	rq->ended = NULL;
}

/* SPDX-License-Identifier: MIT */
#include "fs/core/job_private.h"

#include "fs/core/failures.h"
#include "store/base/clock.h"
#include "store/base/map.h"
#include "store/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define JOB_THREADS_MAX 64
#define JOB_STACK	(512u << 10)
#define JOB_IDLE_MS	10000

static int ensure_thread(struct jobs *js, struct err *err);

/* The first thread is started at once, and stays: who may have no more of them can still work. */
int jobs_open(struct jobs **out, struct err *err)
{
	struct jobs *js = calloc(1, sizeof(*js));
	pthread_condattr_t attr;
	int r;

	if (!js)
		return err_nomem(err);
	js->by_key = map_new();
	js->failures = failures_new();
	if (!js->by_key || !js->failures) {
		map_free(js->by_key);
		failures_free(js->failures);
		free(js);
		return err_nomem(err);
	}
	TAILQ_INIT(&js->list);
	pthread_mutex_init(&js->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&js->work, &attr);
	pthread_cond_init(&js->quiet, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&js->lock);
	r = ensure_thread(js, err);
	pthread_mutex_unlock(&js->lock);
	if (r)
		jobs_close(js);
	else
		*out = js;
	return r;
}

static void job_free(struct job *j)
{
	if (j->spec.arg && j->spec.free_arg)
		j->spec.free_arg(j->spec.arg);
	cancel_destroy(&j->cancel);
	buf_free(&j->output);
	buf_free(&j->marks);
	free(j->key);
	free((char *)j->spec.title);
	free((char *)j->spec.class);
	free(j);
}

struct job *job_get(struct job *j)
{
	atomic_fetch_add(&j->refs, 1);
	return j;
}

void job_put(struct job *j)
{
	unsigned before = j ? atomic_fetch_sub(&j->refs, 1) : 0;

	assert(!j || before > 0);
	if (before == 1)
		job_free(j);
}

static void drop_key(struct jobs *js, struct job *j)
{
	if (j->keyed)
		map_remove(js->by_key, j->key, strlen(j->key));
	j->keyed = false;
}

/* What fails for want of something here may go well in a moment. */
static bool is_answer(int result)
{
	return result != -EINTR && result != -EMFILE && result != -ENFILE && result != -ENOMEM;
}

/* Takes an ended job out of everything, under the lock; gives its waiters. */
static struct job_waiter *end_locked(struct jobs *js, struct job *j, int result)
{
	struct job_waiter *w = j->waiters;

	drop_key(js, j);
	TAILQ_REMOVE(&js->list, j, link);
	j->state = JOB_ENDED;
	j->result = result;
	j->waiters = NULL;
	j->waiting = 0;
	js->failed += result < 0;
	if (is_answer(result))
		failures_note(js->failures, j->spec.shared ? j->key : NULL,
			      j->spec.asks_class ? j->spec.class : NULL, result, &j->err,
			      clock_ms());
	return w;
}

static void run_job(struct jobs *js, struct job *j)
{
	struct job_waiter *w, *next;
	int r = cancel_check(&j->cancel, &j->err);

	if (r < 0)
		err_context(&j->err, "%s: behind other requests to %s", j->spec.title,
			    j->spec.class);
	else
		r = j->spec.run(j, j->spec.arg, &j->err);
	if (j->spec.ended)
		j->spec.ended(j->spec.ended_arg, j->spec.title, r, &j->err);
	pthread_mutex_lock(&js->lock);
	w = end_locked(js, j, r);
	pthread_cond_broadcast(&js->work); /* its class has room again */
	pthread_mutex_unlock(&js->lock);
	for (; w; w = next) {
		next = w->next;
		w->done(w);
	}
	job_put(j);
}

static unsigned running_of_class(const struct jobs *js, const char *class)
{
	const struct job *j;
	unsigned n = 0;

	TAILQ_FOREACH(j, &js->list, link)
		n += j->state == JOB_RUNNING && !strcmp(j->spec.class, class);
	return n;
}

/* The oldest job whose class has room; one that is cancelled or too late only has to be told. */
static struct job *next_job(struct jobs *js)
{
	const char *full = NULL; /* the class last found full: its jobs need no second count */
	struct job *j;

	TAILQ_FOREACH(j, &js->list, link) {
		if (j->state != JOB_QUEUED)
			continue;
		if (cancel_check(&j->cancel, NULL) < 0)
			return j;
		if (full && !strcmp(full, j->spec.class))
			continue;
		if (running_of_class(js, j->spec.class) < j->spec.at_once)
			return j;
		full = j->spec.class;
	}
	return NULL;
}

static void job_give_up(struct jobs *js, struct job *j)
{
	drop_key(js, j); /* who comes now joins nothing that is cancelled */
	j->left_ms = 0;
	cancel_set(&j->cancel);
}

/* Cancels what nobody has come back to. Gives the ms until there is more to cancel, or idle time. */
static int64_t cancel_left(struct jobs *js)
{
	int64_t now = clock_ms(), next = now + JOB_IDLE_MS;
	struct job *j;

	TAILQ_FOREACH(j, &js->list, link) {
		if (!j->left_ms)
			continue;
		if (j->left_ms <= now)
			job_give_up(js, j);
		else if (j->left_ms < next)
			next = j->left_ms;
	}
	return next - now;
}

/* An idle thread cancels in time what was left. Where none is to be had that is now. */
static void see_to_left(struct jobs *js)
{
	const unsigned before = js->threads;
	struct job *j;

	ensure_thread(js, NULL);
	if (js->idle > 0 || js->threads > before)
		return;
	TAILQ_FOREACH(j, &js->list, link)
		if (j->left_ms)
			job_give_up(js, j);
}

/* False after a while without work. */
static bool wait_for_work(struct jobs *js, int64_t ms)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	js->idle++;
	r = pthread_cond_timedwait(&js->work, &js->lock, &until);
	js->idle--;
	return r != ETIMEDOUT || ms < JOB_IDLE_MS;
}

static void *job_thread(void *arg)
{
	struct jobs *js = arg;
	bool stay = true;

	pthread_mutex_lock(&js->lock);
	for (;;) {
		int64_t idle = cancel_left(js);
		struct job *j = next_job(js);

		if (!j && (js->stopping || (!stay && js->threads > 1)))
			break;
		if (!j) {
			stay = wait_for_work(js, idle);
			continue;
		}
		stay = true;
		j->state = JOB_RUNNING;
		j->started_ms = clock_ms();
		/* This thread may have been woken for more than that. */
		if (next_job(js))
			ensure_thread(js, NULL);
		if (idle < JOB_IDLE_MS)
			see_to_left(js);
		pthread_mutex_unlock(&js->lock);
		run_job(js, j);
		pthread_mutex_lock(&js->lock);
	}
	js->threads--;
	pthread_cond_broadcast(&js->quiet);
	pthread_mutex_unlock(&js->lock);
	return NULL;
}

/* Under the lock: somebody will take the job just queued. Fails only for the first. */
static int ensure_thread(struct jobs *js, struct err *err)
{
	pthread_attr_t attr;
	pthread_t t;
	int r;

	if (js->idle > 0)
		pthread_cond_signal(&js->work);
	if (js->idle > 0 || js->threads >= JOB_THREADS_MAX)
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, JOB_STACK);
	r = pthread_create(&t, &attr, job_thread, js);
	pthread_attr_destroy(&attr);
	if (!r)
		js->threads++;
	else if (js->threads == 0)
		return err_set(err, EAGAIN, "cannot start a thread: %s", strerror(r));
	return 0;
}

/* Takes the key's text. */
static struct job *job_new(struct jobs *js, const struct job_spec *spec, char **key)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	cancel_init(&j->cancel);
	if (spec->limit_ms)
		j->cancel.deadline_ms = clock_ms() + spec->limit_ms;
	j->jobs = js;
	j->spec = *spec;
	j->spec.key = (struct job_key){0};
	j->spec.arg = NULL;
	if (!j->spec.at_once)
		j->spec.at_once = JOBS_PER_CLASS;
	atomic_init(&j->refs, 2); /* the queue's and the caller's */
	j->key = steal(key);
	j->spec.title = strdup(spec->title);
	j->spec.class = strdup(spec->class);
	if (!j->spec.title || !j->spec.class) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* Queues a new job under the lock; takes spec->arg only where it succeeds. */
static int queue_new(struct jobs *js, const struct job_spec *spec, char **key, struct job **out,
		     struct err *err)
{
	struct job *j = job_new(js, spec, key);
	int r;

	if (!j)
		return err_nomem(err);
	if (j->spec.shared && map_put(js->by_key, j->key, strlen(j->key), j) < 0) {
		job_free(j);
		return err_nomem(err);
	}
	j->keyed = j->spec.shared;
	TAILQ_INSERT_TAIL(&js->list, j, link);
	r = ensure_thread(js, err);
	if (r < 0) {
		drop_key(js, j);
		TAILQ_REMOVE(&js->list, j, link);
		job_free(j);
		return r;
	}
	j->spec.arg = spec->arg;
	js->started++;
	*out = j;
	return 0;
}

/* Under the lock. */
static void comes(struct job *j)
{
	j->coming++;
	j->left_ms = 0;
}

int job_start(struct jobs *js, const struct job_spec *spec, struct job **out, struct err *err)
{
	autofree char *key = spec->key.kind ? job_key_text(&spec->key) : NULL;
	struct job *joined = NULL, *job = NULL;
	const struct err *failed = NULL;
	int r = 0;

	pthread_mutex_lock(&js->lock);
	if (key && spec->shared) {
		joined = map_get(js->by_key, key, strlen(key));
		failed = failures_recall(js->failures, key, spec->asks_class ? spec->class : NULL,
					 clock_ms());
	}
	if (js->stopping) {
		r = err_set(err, EINTR, "%s: the mount is being ended", spec->title);
	} else if (!key && spec->key.kind) {
		r = err_nomem(err);
	} else if (joined) {
		job = job_get(joined);
	} else if (failed) {
		r = err_set(err, failed->code, "%s", failed->text);
	} else {
		r = queue_new(js, spec, &key, &job, err);
	}
	if (out && job)
		comes(job);
	pthread_mutex_unlock(&js->lock);
	if ((joined || r < 0) && spec->arg && spec->free_arg)
		spec->free_arg(spec->arg);
	if (out && job)
		*out = job;
	else
		job_put(job);
	return r;
}

/* Under the lock. */
static bool is_left(const struct job *j)
{
	return j->waiting + j->coming == 0;
}

/* Somebody has gone: the last one cancels it. Under the lock. */
static void job_left(struct jobs *js, struct job *j)
{
	if (!is_left(j) || j->state == JOB_ENDED)
		return;
	if (j->spec.grace_ms) {
		j->left_ms = clock_ms() + j->spec.grace_ms;
		see_to_left(js);
		return;
	}
	job_give_up(js, j);
	pthread_cond_broadcast(&js->work);
}

/* Who started or joined it has done what he came for. Under the lock. */
static void has_come(struct job *j)
{
	if (j->coming > 0)
		j->coming--;
}

bool job_wait(struct job *j, struct job_waiter *w)
{
	struct jobs *js = j->jobs;
	bool ended, left;

	pthread_mutex_lock(&js->lock);
	left = w->left;
	ended = j->state == JOB_ENDED;
	has_come(j);
	if (!ended && !left) {
		w->next = j->waiters;
		j->waiters = w;
		j->waiting++;
	}
	job_left(js, j);
	pthread_mutex_unlock(&js->lock);
	/* Now the waiter may be gone already, and the job with it. */
	if (ended && !left)
		w->done(w);
	return !left;
}

void job_decline(struct job *j)
{
	pthread_mutex_lock(&j->jobs->lock);
	has_come(j);
	job_left(j->jobs, j);
	pthread_mutex_unlock(&j->jobs->lock);
	job_put(j);
}

struct job *job_take_up(struct job *j)
{
	bool left;

	pthread_mutex_lock(&j->jobs->lock);
	left = is_left(j);
	if (left)
		comes(j);
	pthread_mutex_unlock(&j->jobs->lock);
	return left ? job_get(j) : NULL;
}

bool job_leave(struct job *j, struct job_waiter *w)
{
	struct jobs *js = j->jobs;
	bool found = false;

	pthread_mutex_lock(&js->lock);
	w->left = true;
	for (struct job_waiter **at = &j->waiters; *at; at = &(*at)->next) {
		if (*at != w)
			continue;
		*at = w->next;
		found = true;
		break;
	}
	if (found) {
		j->waiting--;
		job_left(js, j);
	}
	pthread_mutex_unlock(&js->lock);
	return found;
}

void jobs_stop(struct jobs *js)
{
	struct job *j;

	pthread_mutex_lock(&js->lock);
	js->stopping = true;
	TAILQ_FOREACH(j, &js->list, link)
		cancel_set(&j->cancel);
	pthread_cond_broadcast(&js->work);
	while (js->threads > 0)
		pthread_cond_wait(&js->quiet, &js->lock);
	pthread_mutex_unlock(&js->lock);
}

void jobs_close(struct jobs *js)
{
	if (!js)
		return;
	jobs_stop(js);
	failures_free(js->failures);
	map_free(js->by_key);
	pthread_cond_destroy(&js->work);
	pthread_cond_destroy(&js->quiet);
	pthread_mutex_destroy(&js->lock);
	free(js);
}

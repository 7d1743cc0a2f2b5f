/* SPDX-License-Identifier: MIT */
#include "registry/transfer/crew.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/until.h"

#define TASKS	20
#define WORKERS 4 /* as in crew.c */

static atomic_bool no_threads; /* for the program's next pthread_create() */

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (no_threads)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, run, arg);
}

/* What a test sees of its crew. The tasks have their own numbers. */
struct work {
	struct crew crew;
	struct transfer transfer;
	struct transfer_watch watch;
	struct cancel cancel;
	int numbers[TASKS];
	atomic_int runs[TASKS];
	atomic_int begun, waiting, small, under_way, most;
	int order[TASKS];     /* in which they began */
	uint64_t done, total; /* the watch's last */
	bool awaited;
	int spares;
};

static void work_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	struct work *w = arg;

	w->done = done;
	w->total = total;
}

/* Task i has sizes[i] bytes. */
static void work_open(struct work *w,
		      int (*run)(struct crew *, const struct crew_task *, const struct transfer *,
				 struct err *),
		      const uint64_t *sizes, int count)
{
	memset(w, 0, sizeof(*w));
	cancel_init(&w->cancel);
	w->watch = (struct transfer_watch){.arg = w, .bytes = work_on_bytes};
	w->transfer = (struct transfer){.cancel = &w->cancel, .watch = &w->watch};
	w->crew = (struct crew){.transfer = &w->transfer, .run = run, .arg = w};
	for (int i = 0; i < count; i++) {
		w->numbers[i] = i;
		assert_int_equal(crew_add(&w->crew, &w->numbers[i], sizes[i], 0, NULL), 0);
	}
}

static void work_close(struct work *w)
{
	crew_clear(&w->crew);
	cancel_destroy(&w->cancel);
}

static int begin(struct crew *c, const struct crew_task *t)
{
	struct work *w = c->arg;
	int n = *(const int *)t->what;

	w->order[w->begun++] = n;
	w->runs[n]++;
	return n;
}

/* ---- all tasks ---- */

static int just_run(struct crew *c, const struct crew_task *t, const struct transfer *own,
		    struct err *err)
{
	(void)own;
	(void)err;
	begin(c, t);
	return 0;
}

#define SMALL 10 /* of them, below LARGE */
#define LARGE 5
static const uint64_t sizes[TASKS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4};

static void every_task_is_done_once(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, just_run, sizes, TASKS);
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	for (int i = 0; i < TASKS; i++) {
		assert_int_equal(w.runs[i], 1);
		assert_true(w.crew.tasks[i].ended);
	}
	work_close(&w);
}

static void no_task_is_no_work(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, just_run, NULL, 0);
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	assert_int_equal(w.begun, 0);
	work_close(&w);
}

static void where_no_thread_is_to_be_had_one_does_all_the_largest_first(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, just_run, sizes, TASKS);
	no_threads = true;
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	no_threads = false;
	assert_int_equal(w.begun, TASKS);
	for (int i = 1; i < TASKS; i++)
		assert_true(sizes[w.order[i - 1]] >= sizes[w.order[i]]);
	work_close(&w);
}

/* All four are there together. */
static int meet(struct crew *c, const struct crew_task *t, const struct transfer *own,
		struct err *err)
{
	struct work *w = c->arg;

	(void)own;
	(void)err;
	begin(c, t);
	UNTIL(w->begun == WORKERS);
	return 0;
}

static void tasks_are_done_side_by_side(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, meet, sizes, WORKERS);
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	work_close(&w);
}

/* ---- large ones ---- */

static bool is_large(const struct crew_task *t)
{
	return t->size >= LARGE;
}

/* A large one waits until all small ones have ended: so it must leave threads for them. */
static int count_large(struct crew *c, const struct crew_task *t, const struct transfer *own,
		       struct err *err)
{
	struct work *w = c->arg;
	int now;

	(void)own;
	(void)err;
	if (!is_large(t)) {
		w->small++;
	} else {
		now = ++w->under_way;
		if (now > w->most)
			w->most = now;
		UNTIL(w->small == SMALL);
		w->under_way--;
	}
	begin(c, t);
	return 0;
}

static void of_large_ones_only_so_many_are_under_way(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, count_large, sizes, TASKS);
	w.crew.is_large = is_large;
	w.crew.large_free = 2;
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	assert_int_equal(w.begun, TASKS);
	assert_true(w.most >= 1 && w.most <= 2);
	assert_int_equal(w.crew.large_free, 2);
	work_close(&w);
}

/* ---- bytes ---- */

static int move_bytes(struct crew *c, const struct crew_task *t, const struct transfer *own,
		      struct err *err)
{
	(void)c;
	(void)err;
	transfer_bytes(own, t->size, t->size);
	transfer_bytes(own, 0, t->size); /* it begins anew */
	for (uint64_t i = 1; i <= t->size; i++)
		transfer_bytes(own, i, t->size);
	return 0;
}

static void the_bytes_of_all_are_summed_up(void **state)
{
	uint64_t all = 10;
	struct work w;
	int there = 0;

	(void)state;
	work_open(&w, move_bytes, sizes, TASKS);
	assert_int_equal(crew_add(&w.crew, &there, 10, 10, NULL), 0);
	for (int i = 0; i < TASKS; i++)
		all += sizes[i];
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	assert_int_equal(w.done, all);
	assert_int_equal(w.total, all);
	work_close(&w);
}

static void sizes_that_have_no_sum_are_refused(void **state)
{
	struct work w;
	int there = 0;

	(void)state;
	work_open(&w, just_run, sizes, 1);
	assert_int_equal(crew_add(&w.crew, &there, UINT64_MAX - 2, 0, NULL), -EPROTO);
	work_close(&w);
}

/* ---- failures ---- */

static void wake(void *arg)
{
	atomic_store((atomic_bool *)arg, true);
}

/* Waits for nothing but the cancel, as a request does. */
static int wait_for_cancel(struct work *w, const struct transfer *own, struct err *err)
{
	atomic_bool woken = false;

	cancel_on_set(own->cancel, wake, &woken);
	w->waiting++;
	UNTIL(woken);
	cancel_on_set(own->cancel, NULL, NULL);
	return cancel_check(own->cancel, err);
}

/* The largest one fails when all others wait. */
static int fail_among_waiters(struct crew *c, const struct crew_task *t, const struct transfer *own,
			      struct err *err)
{
	struct work *w = c->arg;

	if (begin(c, t) != 0)
		return wait_for_cancel(w, own, err);
	UNTIL(w->waiting == WORKERS - 1);
	return err_set(err, EACCES, "the first");
}

static const uint64_t equal[TASKS] = {9, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};

static void the_first_failure_wins_and_wakes_every_other(void **state)
{
	struct work w;
	struct err err = {0};

	(void)state;
	work_open(&w, fail_among_waiters, equal, TASKS);
	assert_int_equal(crew_run(&w.crew, &err), -EACCES);
	assert_string_equal(err.text, "the first");
	/* No other one is begun. */
	assert_int_equal(w.begun, WORKERS);
	assert_int_equal(cancel_check(&w.cancel, NULL), 0);
	work_close(&w);
}

/* The largest one sets the transfer's cancel when all others wait, and waits, too. */
static int cancel_among_waiters(struct crew *c, const struct crew_task *t,
				const struct transfer *own, struct err *err)
{
	struct work *w = c->arg;

	if (begin(c, t) == 0) {
		UNTIL(w->waiting == WORKERS - 1);
		cancel_set(&w->cancel);
	}
	return wait_for_cancel(w, own, err);
}

static void a_cancel_of_the_transfer_wakes_all(void **state)
{
	struct work w;
	struct err err = {0};

	(void)state;
	work_open(&w, cancel_among_waiters, equal, TASKS);
	assert_int_equal(crew_run(&w.crew, &err), -EINTR);
	assert_int_equal(w.begun, WORKERS);
	work_close(&w);
}

static int check_own(struct crew *c, const struct crew_task *t, const struct transfer *own,
		     struct err *err)
{
	begin(c, t);
	return cancel_check(own->cancel, err);
}

static void a_transfer_that_is_over_begins_nothing_that_lasts(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, check_own, sizes, TASKS);
	cancel_set(&w.cancel);
	assert_int_equal(crew_run(&w.crew, NULL), -EINTR);
	work_close(&w);
	work_open(&w, check_own, sizes, TASKS);
	w.cancel.deadline_ms = 1;
	assert_int_equal(crew_run(&w.crew, NULL), -ETIMEDOUT);
	work_close(&w);
}

/* ---- threads that have nothing left to take ---- */

static void await_the_first(struct crew *c)
{
	struct work *w = c->arg;

	if (w->spares++ == 0)
		w->awaited = crew_await(c, &c->tasks[0]);
}

/* The largest ends behind all others, when a thread has gone to wait for it. */
static int end_last(struct crew *c, const struct crew_task *t, const struct transfer *own,
		    struct err *err)
{
	struct work *w = c->arg;
	int spares = 0;

	(void)own;
	if (begin(c, t) != 0)
		return 0;
	while (spares == 0) {
		UNTIL(w->begun == WORKERS);
		pthread_mutex_lock(&c->lock);
		spares = w->spares;
		pthread_mutex_unlock(&c->lock);
	}
	return w->cancel.deadline_ms ? err_set(err, EIO, "no more") : 0;
}

static void a_spare_thread_sees_a_task_end(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, end_last, equal, WORKERS);
	w.crew.spare = await_the_first;
	assert_int_equal(crew_run(&w.crew, NULL), 0);
	assert_true(w.awaited);
	assert_int_equal(w.spares, WORKERS);
	work_close(&w);
	work_open(&w, end_last, equal, WORKERS);
	w.crew.spare = await_the_first;
	w.cancel.deadline_ms = INT64_MAX; /* it fails, then */
	assert_int_equal(crew_run(&w.crew, NULL), -EIO);
	assert_false(w.awaited);
	work_close(&w);
}

static void fail_once(struct crew *c)
{
	const struct err why = {.code = ENOSPC, .text = "of the spare one"};

	pthread_mutex_unlock(&c->lock);
	crew_fail(c, -ENOSPC, &why);
	pthread_mutex_lock(&c->lock);
}

static void a_spare_thread_may_fail_as_a_task_does(void **state)
{
	struct work w;
	struct err err = {0};

	(void)state;
	work_open(&w, cancel_among_waiters, equal, 0);
	w.crew.spare = fail_once;
	assert_int_equal(crew_run(&w.crew, &err), -ENOSPC);
	assert_string_equal(err.text, "of the spare one");
	work_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_task_is_done_once),
	    cmocka_unit_test(no_task_is_no_work),
	    cmocka_unit_test(where_no_thread_is_to_be_had_one_does_all_the_largest_first),
	    cmocka_unit_test(tasks_are_done_side_by_side),
	    cmocka_unit_test(of_large_ones_only_so_many_are_under_way),
	    cmocka_unit_test(the_bytes_of_all_are_summed_up),
	    cmocka_unit_test(sizes_that_have_no_sum_are_refused),
	    cmocka_unit_test(the_first_failure_wins_and_wakes_every_other),
	    cmocka_unit_test(a_cancel_of_the_transfer_wakes_all),
	    cmocka_unit_test(a_transfer_that_is_over_begins_nothing_that_lasts),
	    cmocka_unit_test(a_spare_thread_sees_a_task_end),
	    cmocka_unit_test(a_spare_thread_may_fail_as_a_task_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

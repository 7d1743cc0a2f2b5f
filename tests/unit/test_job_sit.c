/* SPDX-License-Identifier: MIT */
#include "fs/core/job_sit.h"

#include "fs/core/fs.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/job_gate.h"
#include "tests/unit/until.h"

/* A job that waits for the one behind a gate. */
struct wait_job {
	struct jobs *js;
	struct gate *gate;
	atomic_int sits, result;
};

static int run_wait(struct job *j, void *arg, struct err *err)
{
	struct wait_job *a = arg;
	struct job *other = start(a->js, "other", "host", a->gate);
	int r;

	atomic_fetch_add(&a->sits, 1);
	r = job_sit(other, job_cancel(j), err);
	if (!r)
		r = job_outcome(other, err);
	job_put(other);
	atomic_store(&a->result, r);
	return r;
}

static struct job *start_wait(struct wait_job *a)
{
	struct job_spec spec = {.title = "waits", .class = "diff", .run = run_wait, .arg = a};
	struct err err = {0};
	struct job *j = NULL;

	assert_int_equal(job_start(a->js, &spec, &j, &err), 0);
	return j;
}

static void a_job_waits_for_another_and_sees_what_it_came_to(void **state)
{
	struct gate g;
	struct wait_job a = {.gate = &g};
	struct waiter w;
	struct err err = {0};
	struct job *j;

	(void)state;
	gate_init(&g);
	g.result = -ENOSPC;
	waiter_init(&w);
	assert_int_equal(jobs_open(&a.js, &err), 0);
	j = start_wait(&a);
	job_wait(j, &w.w);
	UNTIL(atomic_load(&g.running) == 1);
	assert_int_equal(w.told, 0);
	gate_open(&g);
	waiter_wait(&w);
	assert_int_equal(job_outcome(j, &err), -ENOSPC);
	assert_string_equal(err.text, "the gate says no");
	job_put(j);
	jobs_end(a.js);
}

static void who_is_cancelled_leaves_what_it_waits_for(void **state)
{
	struct gate g;
	struct wait_job a = {.gate = &g};
	struct waiter w;
	struct err err = {0};
	struct job *j;

	(void)state;
	gate_init(&g);
	waiter_init(&w);
	assert_int_equal(jobs_open(&a.js, &err), 0);
	j = start_wait(&a);
	job_wait(j, &w.w);
	UNTIL(atomic_load(&g.running) == 1);
	assert_true(job_leave(j, &w.w));
	UNTIL(atomic_load(&a.result) == -EINTR);
	UNTIL(atomic_load(&g.running) == 0); /* nobody waits for it any more */
	job_put(j);
	jobs_end(a.js);
}

static void the_end_of_all_jobs_is_not_waited_for(void **state)
{
	struct gate g;
	struct wait_job a = {.gate = &g};
	struct err err = {0};

	(void)state;
	gate_init(&g);
	assert_int_equal(jobs_open(&a.js, &err), 0);
	job_put(start_wait(&a));
	UNTIL(atomic_load(&g.running) == 1);
	jobs_end(a.js);
	assert_int_equal(atomic_load(&a.result), -EINTR);
}

/* Every thread but one may sit: of more jobs that wait than there are threads each comes to its end. */
static void a_crowd_that_waits_leaves_a_thread_for_what_it_waits_for(void **state)
{
	enum { CROWD = 100 };
	static struct wait_job crowd[CROWD];
	static struct waiter waiters[CROWD];
	struct job *jobs[CROWD];
	struct err err = {0};
	struct jobs *js;
	struct gate g;
	int done = 0;

	(void)state;
	gate_init(&g);
	assert_int_equal(jobs_open(&js, &err), 0);
	for (int i = 0; i < CROWD; i++) {
		char class[16];

		snprintf(class, sizeof(class), "diff%d", i); /* no class holds any of them back */
		struct job_spec spec = {
		    .title = "waits", .class = class, .run = run_wait, .arg = &crowd[i]};

		crowd[i] = (struct wait_job){.js = js, .gate = &g};
		waiter_init(&waiters[i]);
		assert_int_equal(job_start(js, &spec, &jobs[i], &err), 0);
		job_wait(jobs[i], &waiters[i].w);
	}
	UNTIL(atomic_load(&g.running) == 1);
	gate_open(&g);
	for (int i = 0; i < CROWD; i++) {
		int r;

		waiter_wait(&waiters[i]);
		r = job_outcome(jobs[i], NULL);
		assert_true(r == 0 || r == -EAGAIN);
		done += r == 0;
		job_put(jobs[i]);
	}
	assert_true(done > 0);
	jobs_end(js);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job_waits_for_another_and_sees_what_it_came_to),
	    cmocka_unit_test(who_is_cancelled_leaves_what_it_waits_for),
	    cmocka_unit_test(the_end_of_all_jobs_is_not_waited_for),
	    cmocka_unit_test(a_crowd_that_waits_leaves_a_thread_for_what_it_waits_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "fs/core/job.h"
#include "fs/core/job_table.h"

#include "fs/core/failures.h"
#include "store/base/clock.h"

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

static void one_key_is_one_job_and_all_waiters_are_told(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a, b, late;
	struct job *one, *two;
	struct err err;

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	waiter_init(&b);
	waiter_init(&late);
	assert_int_equal(jobs_open(&js, &err), 0);
	one = start(js, "key", "host", &g);
	two = start(js, "key", "host", &g);
	assert_ptr_equal(one, two);
	assert_true(job_wait(one, &a.w));
	assert_true(job_wait(two, &b.w));
	gate_open(&g);
	waiter_wait(&a);
	waiter_wait(&b);
	assert_true(job_wait(one, &late.w)); /* told at once */
	assert_int_equal(a.told + b.told + late.told, 3);
	assert_int_equal(atomic_load(&g.runs), 1);
	assert_int_equal(job_outcome(one, &err), 0);
	assert_string_equal(job_result(one)->data, "done");
	job_put(one);
	job_put(two);
	jobs_end(js);
}

static void the_last_waiter_that_leaves_cancels_the_job(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a, b;
	struct job *j;
	struct err err;

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	waiter_init(&b);
	assert_int_equal(jobs_open(&js, &err), 0);
	j = start(js, "key", "host", &g);
	job_wait(j, &a.w);
	job_wait(j, &b.w);
	assert_true(job_leave(j, &a.w));
	assert_false(job_leave(j, &a.w));
	assert_int_equal(cancel_check(job_cancel(j), NULL), 0);
	assert_true(job_leave(j, &b.w));
	assert_int_equal(cancel_check(job_cancel(j), NULL), -EINTR);
	jobs_stop(js); /* ends, as the job was cancelled */
	assert_int_equal(a.told + b.told, 0);
	job_put(j);
	jobs_close(js);
}

/* Neither the one who leaves nor the one who does not wait at all takes it from another. */
static void who_comes_keeps_the_job_until_it_waits_or_declines(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a;
	struct job *j, *joined;
	struct err err;

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	assert_int_equal(jobs_open(&js, &err), 0);
	j = start(js, "key", "host", &g);
	joined = start(js, "key", "host", &g);
	assert_ptr_equal(j, joined);
	assert_null(job_take_up(j));
	assert_true(job_wait(j, &a.w));
	assert_true(job_leave(j, &a.w));
	assert_int_equal(cancel_check(job_cancel(j), NULL), 0);
	job_decline(joined);
	assert_int_equal(cancel_check(job_cancel(j), NULL), -EINTR);
	joined = start(js, "key", "host", &g);
	assert_ptr_not_equal(j, joined); /* nobody joins what is cancelled */
	job_decline(joined);
	assert_ptr_equal(job_take_up(j), j);
	job_decline(j);
	job_put(j);
	jobs_end(js);
}

static struct job *start_and_leave(struct jobs *js, struct gate *g)
{
	const struct job_spec spec = {
	    .title = "left",
	    .class = "host",
	    .at_once = 1000,
	    .grace_ms = 1,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = gate_run,
	    .arg = g,
	};
	struct waiter w;
	struct err err;
	struct job *j;

	gate_init(g);
	waiter_init(&w);
	assert_int_equal(job_start(js, &spec, &j, &err), 0);
	assert_true(job_wait(j, &w.w));
	assert_true(job_leave(j, &w.w));
	return j;
}

static void is_cancelled(struct job *j)
{
	UNTIL(cancel_check(job_cancel(j), NULL) == -EINTR);
	job_put(j);
}

/* Also where the only idle thread has just been woken for the job itself. */
static void what_was_left_for_a_while_is_cancelled_then(void **state)
{
	struct jobs *js;
	struct gate g, left; /* the first job may not be through its gate yet */
	struct err err;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(jobs_open(&js, &err), 0);
		gate_init(&g);
		gate_open(&g);
		struct job *first = start(js, NULL, "host", &g);

		UNTIL(atomic_load(&g.runs) == 1);
		job_put(first);
		is_cancelled(start_and_leave(js, &left));
		jobs_end(js);
	}
}

/* Also where there are no more threads. */
static void many_that_were_left_are_cancelled(void **state)
{
	enum { JOBS = 80 };
	static struct gate gates[JOBS];
	struct job *jobs[JOBS];
	struct jobs *js;
	struct err err;

	(void)state;
	assert_int_equal(jobs_open(&js, &err), 0);
	for (int i = 0; i < JOBS; i++)
		jobs[i] = start_and_leave(js, &gates[i]);
	for (int i = 0; i < JOBS; i++)
		is_cancelled(jobs[i]);
	jobs_end(js);
}

static void who_left_before_waiting_is_not_added(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a;
	struct job *j;
	struct err err;

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	assert_int_equal(jobs_open(&js, &err), 0);
	j = start(js, "key", "host", &g);
	assert_false(job_leave(j, &a.w));
	assert_false(job_wait(j, &a.w));
	gate_open(&g);
	jobs_stop(js);
	assert_int_equal(a.told, 0);
	job_put(j);
	jobs_close(js);
}

/* False where the machine took longer for it than a failure is remembered. */
static bool a_failure_is_remembered(void)
{
	struct jobs *js;
	struct gate g;
	struct waiter a;
	struct job *j, *again = NULL;
	struct err err;
	struct job_spec spec = {.key = {.kind = "test", .name = "key"},
				.shared = true,
				.title = "key",
				.class = "host",
				.run = gate_run,
				.arg = &g};
	int64_t began;
	bool in_time;
	int r;

	gate_init(&g);
	waiter_init(&a);
	g.result = -ENOENT;
	assert_int_equal(jobs_open(&js, &err), 0);
	j = start(js, "key", "host", &g);
	job_wait(j, &a.w);
	began = clock_ms();
	gate_open(&g);
	waiter_wait(&a);
	assert_int_equal(job_outcome(j, &err), -ENOENT);
	r = job_start(js, &spec, &again, &err);
	in_time = clock_ms() < began + FAILURES_KEPT_MS;
	if (in_time) {
		assert_int_equal(r, -ENOENT);
		assert_string_equal(err.text, "the gate says no");
		assert_int_equal(atomic_load(&g.runs), 1);
	}
	job_put(again);
	job_put(j);
	jobs_end(js);
	return in_time;
}

static void a_failure_is_remembered_for_its_key(void **state)
{
	(void)state;
	UNTIL(a_failure_is_remembered());
}

static void a_class_has_its_share_and_others_run_beside_it(void **state)
{
	struct jobs *js;
	struct gate dead, alive;
	struct waiter a;
	struct job *many[3 * JOBS_PER_CLASS], *j;
	struct err err;
	char key[32];

	(void)state;
	gate_init(&dead);
	gate_init(&alive);
	waiter_init(&a);
	gate_open(&alive);
	assert_int_equal(jobs_open(&js, &err), 0);
	for (int i = 0; i < 3 * JOBS_PER_CLASS; i++) {
		snprintf(key, sizeof(key), "dead %d", i);
		many[i] = start(js, key, "dead", &dead);
	}
	j = start(js, "alive", "alive", &alive);
	job_wait(j, &a.w);
	waiter_wait(&a); /* not behind the dead ones */
	UNTIL(atomic_load(&dead.running) >= JOBS_PER_CLASS);
	assert_int_equal(atomic_load(&dead.most), JOBS_PER_CLASS);
	gate_open(&dead);
	jobs_stop(js);
	for (int i = 0; i < 3 * JOBS_PER_CLASS; i++)
		job_put(many[i]);
	job_put(j);
	jobs_close(js);
}

/* Each round wants one thread more than the last one left idle. */
static void jobs_that_are_started_together_run_together(void **state)
{
	static struct gate gates[JOBS_PER_CLASS];
	struct jobs *js;

	(void)state;
	assert_int_equal(jobs_open(&js, NULL), 0);
	for (int i = 0; i < JOBS_PER_CLASS; i++) {
		gate_init(&gates[i]);
		for (int k = 0; k <= i; k++)
			job_put(start(js, NULL, "host", &gates[i]));
		UNTIL(atomic_load(&gates[i].running) == i + 1);
		gate_open(&gates[i]);
		UNTIL(atomic_load(&gates[i].running) == 0);
	}
	jobs_end(js);
}

/* The last of a row of eight ends when all did, so that the gate has seen the most of them. */
static void a_class_may_have_a_smaller_share(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a[8];
	struct job *many[8];
	struct err err;
	struct job_spec spec = {
	    .title = "\033[31mred", .class = "two", .at_once = 2, .run = gate_run, .arg = &g};
	autobuf table = BUF_INIT;

	(void)state;
	gate_init(&g);
	assert_int_equal(jobs_open(&js, &err), 0);
	for (int i = 0; i < 8; i++) {
		waiter_init(&a[i]);
		assert_int_equal(job_start(js, &spec, &many[i], &err), 0);
		job_wait(many[i], &a[i].w);
	}
	job_table_print(js, &table);
	assert_null(strchr(table.data, '\033'));
	assert_non_null(strstr(table.data, "?[31mred\n"));
	gate_open(&g);
	for (int i = 0; i < 8; i++)
		waiter_wait(&a[i]);
	assert_true(atomic_load(&g.most) >= 1 && atomic_load(&g.most) <= 2);
	for (int i = 0; i < 8; i++)
		job_put(many[i]);
	jobs_end(js);
}

static void a_job_whose_time_is_up_is_told_so(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a;
	struct job *busy[JOBS_PER_CLASS], *j = NULL;
	struct err err;
	struct job_spec spec = {.key = {.kind = "test", .name = "late"},
				.shared = true,
				.title = "late",
				.class = "host",
				.limit_ms = 1,
				.run = gate_run,
				.arg = &g};
	char key[32];

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	assert_int_equal(jobs_open(&js, &err), 0);
	for (int i = 0; i < JOBS_PER_CLASS; i++) {
		snprintf(key, sizeof(key), "busy %d", i);
		busy[i] = start(js, key, "host", &g);
	}
	assert_int_equal(job_start(js, &spec, &j, &err), 0);
	job_wait(j, &a.w);
	UNTIL(cancel_check(job_cancel(j), NULL) == -ETIMEDOUT);
	gate_open(&g);
	waiter_wait(&a);
	jobs_stop(js);
	assert_int_equal(job_outcome(j, &err), -ETIMEDOUT);
	for (int i = 0; i < JOBS_PER_CLASS; i++)
		job_put(busy[i]);
	job_put(j);
	jobs_close(js);
}

static void stopping_cancels_what_runs_and_starts_nothing(void **state)
{
	struct jobs *js;
	struct gate g;
	struct waiter a;
	struct job *j, *none = NULL;
	struct err err;
	struct job_spec spec = {.title = "new", .class = "host", .run = gate_run, .arg = &g};

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	assert_int_equal(jobs_open(&js, &err), 0);
	j = start(js, NULL, "host", &g);
	job_wait(j, &a.w);
	jobs_stop(js);
	assert_int_equal(a.told, 1);
	assert_int_equal(job_outcome(j, &err), -EINTR);
	assert_int_equal(job_start(js, &spec, &none, &err), -EINTR);
	job_put(j);
	jobs_close(js);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_key_is_one_job_and_all_waiters_are_told),
	    cmocka_unit_test(the_last_waiter_that_leaves_cancels_the_job),
	    cmocka_unit_test(who_comes_keeps_the_job_until_it_waits_or_declines),
	    cmocka_unit_test(what_was_left_for_a_while_is_cancelled_then),
	    cmocka_unit_test(many_that_were_left_are_cancelled),
	    cmocka_unit_test(who_left_before_waiting_is_not_added),
	    cmocka_unit_test(a_failure_is_remembered_for_its_key),
	    cmocka_unit_test(a_class_has_its_share_and_others_run_beside_it),
	    cmocka_unit_test(jobs_that_are_started_together_run_together),
	    cmocka_unit_test(a_class_may_have_a_smaller_share),
	    cmocka_unit_test(a_job_whose_time_is_up_is_told_so),
	    cmocka_unit_test(stopping_cancels_what_runs_and_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "fs/core/job_key.h"
#include "fs/core/fs.h"
#include "fs/core/vnode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/job_gate.h"
#include "tests/unit/until.h"

/* Neither how ctl/jobs calls it, nor how its parts could be put side by side. */
static void what_is_joined_is_the_key_and_not_the_title(void **state)
{
	static const struct job_key keys[] = {
	    {"layers", "h.x/app@sha256:00", 0, 2},   {"layers", "h.x/app@sha256:00", 0, 3},
	    {"layers", "h.x/app@sha256:00", 1, 2},   {"layers", "h.x/app@sha256:01", 0, 2},
	    {"layer", "h.x/app@sha256:00", 0, 2},    {"layers", NULL, 0, 2},
	    {"layers", "2 h.x/app@sha256:00", 0, 0}, {"layers", "", 0, 0},
	};
	enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
	struct job *jobs[KEYS];
	struct jobs *js;
	struct gate g;

	(void)state;
	gate_init(&g);
	assert_int_equal(jobs_open(&js, NULL), 0);
	for (int i = 0; i < KEYS; i++) {
		struct job *again;

		jobs[i] = start_key(js, &keys[i], "one title", "host", &g);
		again = start_key(js, &keys[i], "another title", "host", &g);
		assert_ptr_equal(jobs[i], again);
		job_put(again);
	}
	for (int i = 0; i < KEYS; i++)
		for (int k = 0; k < KEYS; k++)
			assert_int_equal(job_has_key(jobs[i], &keys[k]), i == k);
	UNTIL(atomic_load(&g.runs) == KEYS);
	gate_open(&g);
	for (int i = 0; i < KEYS; i++)
		job_put(jobs[i]);
	jobs_end(js);
}

/* Its key still says whose it is. */
static void what_is_not_shared_is_not_joined(void **state)
{
	const struct job_key key = {.kind = "edit"};
	struct job_spec spec = {.key = key, .title = "a", .class = "host", .run = gate_run};
	struct job *one, *two;
	struct jobs *js;
	struct gate g;

	(void)state;
	gate_init(&g);
	spec.arg = &g;
	assert_int_equal(jobs_open(&js, NULL), 0);
	assert_int_equal(job_start(js, &spec, &one, NULL), 0);
	assert_int_equal(job_start(js, &spec, &two, NULL), 0);
	assert_int_equal(job_start(js, &spec, NULL, NULL), 0); /* nobody waits for that */
	assert_ptr_not_equal(one, two);
	assert_true(job_has_key(one, &key) && job_has_key(two, &key));
	UNTIL(atomic_load(&g.runs) == 3);
	gate_open(&g);
	job_put(one);
	job_put(two);
	jobs_end(js);
}

/* A request goes by the key, too: the job of another step is not its own. */
static void a_request_knows_its_own_job_by_the_key(void **state)
{
	struct job_spec spec = {.key = {.kind = "manifest", .name = "h.x/app:1"},
				.shared = true,
				.title = "a title",
				.class = "host",
				.run = gate_run};
	struct fs fs = {0};
	struct request rq = {.fs = &fs};
	struct job *own, *other;
	struct waiter a;
	struct gate g;
	int r = 1;

	(void)state;
	gate_init(&g);
	waiter_init(&a);
	gate_open(&g);
	spec.arg = &g;
	g.result = -ENOENT;
	assert_int_equal(jobs_open(&fs.jobs, NULL), 0);
	other = start(fs.jobs, "of another step", "host", &g);
	rq.ended = other;
	assert_false(request_done(&rq, &spec.key, &r, NULL));
	assert_int_equal(request_await(&rq, &spec, NULL), FS_WAIT);
	own = rq.wait;
	job_wait(own, &a.w);
	waiter_wait(&a);
	rq = (struct request){.fs = &fs, .ended = own};
	spec.title = "worded in another way";
	assert_int_equal(request_await(&rq, &spec, NULL), -ENOENT);
	assert_true(request_done(&rq, &spec.key, &r, NULL));
	assert_int_equal(r, -ENOENT);
	assert_null(rq.wait);
	job_put(own);
	job_put(other);
	jobs_end(fs.jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_joined_is_the_key_and_not_the_title),
	    cmocka_unit_test(what_is_not_shared_is_not_joined),
	    cmocka_unit_test(a_request_knows_its_own_job_by_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

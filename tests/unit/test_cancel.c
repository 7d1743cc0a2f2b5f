/* SPDX-License-Identifier: MIT */
#include "store/base/cancel.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/until.h"

static void count(void *arg)
{
	++*(int *)arg;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void work_goes_on_until_told_to_stop(void **state)
{
	struct cancel c;
	struct err err = {0};

	(void)state;
	cancel_init(&c);
	assert_int_equal(cancel_check(NULL, &err), 0);
	assert_int_equal(cancel_check(&c, &err), 0);
	cancel_set(&c);
	assert_int_equal(cancel_check(&c, &err), -EINTR);
	assert_string_equal(err.text, "interrupted");
	cancel_destroy(&c);
}

static void a_deadline_that_passed_ends_work(void **state)
{
	struct cancel c;

	(void)state;
	cancel_init(&c);
	c.deadline_ms = now_ms() + 60000;
	assert_int_equal(cancel_check(&c, NULL), 0);
	c.deadline_ms = now_ms() - 1;
	assert_int_equal(cancel_check(&c, NULL), -ETIMEDOUT);
	cancel_destroy(&c);
}

static void setting_wakes_the_wait_once(void **state)
{
	struct cancel c;
	int woken = 0;

	(void)state;
	cancel_init(&c);
	cancel_on_set(&c, count, &woken);
	assert_int_equal(woken, 0);
	cancel_set(&c);
	cancel_set(&c);
	assert_int_equal(woken, 1);
	cancel_destroy(&c);
}

static void a_wait_that_comes_late_is_woken_at_once(void **state)
{
	struct cancel c;
	int woken = 0;

	(void)state;
	cancel_init(&c);
	cancel_set(&c);
	cancel_on_set(&c, count, &woken);
	assert_int_equal(woken, 1);
	cancel_destroy(&c);
}

static void a_wait_that_ended_is_not_woken(void **state)
{
	struct cancel c;
	int woken = 0;

	(void)state;
	cancel_init(&c);
	cancel_on_set(&c, count, &woken);
	cancel_on_set(&c, NULL, NULL);
	cancel_set(&c);
	assert_int_equal(woken, 0);
	cancel_destroy(&c);
}

static void *set_it(void *arg)
{
	cancel_set(arg);
	return NULL;
}

static void another_thread_s_set_is_seen(void **state)
{
	struct cancel c;
	pthread_t thread;

	(void)state;
	cancel_init(&c);
	assert_int_equal(pthread_create(&thread, NULL, set_it, &c), 0);
	UNTIL(cancel_check(&c, NULL) == -EINTR);
	pthread_join(thread, NULL);
	cancel_destroy(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(work_goes_on_until_told_to_stop),
	    cmocka_unit_test(a_deadline_that_passed_ends_work),
	    cmocka_unit_test(setting_wakes_the_wait_once),
	    cmocka_unit_test(a_wait_that_comes_late_is_woken_at_once),
	    cmocka_unit_test(a_wait_that_ended_is_not_woken),
	    cmocka_unit_test(another_thread_s_set_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

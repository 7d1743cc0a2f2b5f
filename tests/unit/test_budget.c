/* SPDX-License-Identifier: MIT */
#include "store/base/budget.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/until.h"

struct taker {
	struct budget *budget;
	size_t bytes;
	struct cancel cancel;
	atomic_int result; /* 1: not yet */
	struct sleeper sleeper;
	pthread_t thread;
};

static void *take(void *arg)
{
	struct taker *t = arg;
	struct err err;

	sleeper_enter(&t->sleeper);
	t->result = budget_take(t->budget, t->bytes, &t->cancel, &err);
	return NULL;
}

static void start(struct taker *t, struct budget *b, size_t bytes)
{
	t->budget = b;
	t->bytes = bytes;
	t->result = 1;
	t->sleeper.tid = 0;
	cancel_init(&t->cancel);
	assert_int_equal(pthread_create(&t->thread, NULL, take, t), 0);
}

static void finish(struct taker *t)
{
	pthread_join(t->thread, NULL);
	cancel_destroy(&t->cancel);
}

static void what_does_not_fit_waits(void **state)
{
	AUTO(budget_free) struct budget *b = budget_new(100);
	struct taker t;
	struct err err;

	(void)state;
	assert_int_equal(budget_take(b, 60, NULL, &err), 0);
	assert_int_equal(budget_take(b, 40, NULL, &err), 0);
	start(&t, b, 50);
	sleeper_wait(&t.sleeper);
	assert_int_equal(t.result, 1);
	budget_give(b, 40);
	sleeper_wait_again(&t.sleeper);
	assert_int_equal(t.result, 1);
	budget_give(b, 60);
	finish(&t);
	assert_int_equal(t.result, 0);
}

static void more_than_all_is_for_who_is_alone(void **state)
{
	AUTO(budget_free) struct budget *b = budget_new(100);
	struct taker t;
	struct err err;

	(void)state;
	assert_int_equal(budget_take(b, 1000, NULL, &err), 0);
	start(&t, b, 1);
	sleeper_wait(&t.sleeper);
	assert_int_equal(t.result, 1);
	budget_give(b, 1000);
	finish(&t);
	assert_int_equal(t.result, 0);
}

static void a_cancel_ends_the_wait(void **state)
{
	AUTO(budget_free) struct budget *b = budget_new(100);
	struct taker t;
	struct err err;

	(void)state;
	assert_int_equal(budget_take(b, 100, NULL, &err), 0);
	start(&t, b, 1);
	sleeper_wait(&t.sleeper);
	cancel_set(&t.cancel);
	finish(&t);
	assert_int_equal(t.result, -EINTR);
	budget_give(b, 100);
	assert_int_equal(budget_take(b, 100, NULL, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_does_not_fit_waits),
	    cmocka_unit_test(more_than_all_is_for_who_is_alone),
	    cmocka_unit_test(a_cancel_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Who waits and who forgets in one directory never meet. */
#include "fs/core/dir_locks.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/until.h"

static void no_name_is_forgotten_where_a_request_is_parked(void **state)
{
	struct dir_locks *l = *state;
	struct dir_lock parked, other, forgets;

	dir_locks_park(l, &parked, 7);
	dir_locks_park(l, &other, 7);
	assert_true(dir_locks_await(l, &parked));
	assert_true(dir_locks_parked(l));
	assert_false(dir_locks_forget(l, &forgets, 7));
	assert_true(dir_locks_forget(l, &forgets, 8));
	assert_true(dir_locks_forgot(l, &forgets));
	dir_locks_unpark(l, &parked);
	assert_false(dir_locks_forget(l, &forgets, 7));
	dir_locks_unpark(l, &other);
	assert_false(dir_locks_parked(l));
	assert_true(dir_locks_forget(l, &forgets, 7));
	assert_true(dir_locks_forgot(l, &forgets));
}

static void a_request_gives_way_where_a_name_is_being_forgotten(void **state)
{
	struct dir_locks *l = *state;
	struct dir_lock parked, there, elsewhere;

	assert_true(dir_locks_forget(l, &there, 7));
	assert_true(dir_locks_forget(l, &elsewhere, 8));
	dir_locks_park(l, &parked, 7);
	assert_false(dir_locks_await(l, &parked));
	dir_locks_unpark(l, &parked);
	assert_false(dir_locks_forgot(l, &there));
	assert_true(dir_locks_forgot(l, &elsewhere));
	/* It comes again, and finds nobody who forgets. */
	assert_true(dir_locks_parked(l));
	dir_locks_park(l, &parked, 7);
	assert_true(dir_locks_await(l, &parked));
	dir_locks_unpark(l, &parked);
	UNTIL(!dir_locks_parked(l));
	assert_true(dir_locks_forget(l, &there, 7));
	assert_true(dir_locks_forgot(l, &there));
}

struct forgetting {
	struct dir_locks *locks;
	struct dir_lock lock;
	atomic_bool met;
};

static void *forget_soon(void *arg)
{
	struct forgetting *f = arg;

	usleep(1000);
	atomic_store(&f->met, !dir_locks_forgot(f->locks, &f->lock));
	return NULL;
}

static void a_request_waits_for_who_is_through_in_a_moment(void **state)
{
	struct forgetting f = {.locks = *state};
	struct dir_lock parked;
	bool waited = false;

	/* A machine that has other things to do may not get to the other thread in the moment. */
	for (int i = 0; i < 100 && !waited; i++) {
		pthread_t t;

		UNTIL(dir_locks_forget(f.locks, &f.lock, 7));
		assert_int_equal(pthread_create(&t, NULL, forget_soon, &f), 0);
		dir_locks_park(f.locks, &parked, 7);
		waited = dir_locks_await(f.locks, &parked);
		pthread_join(t, NULL);
		dir_locks_unpark(f.locks, &parked);
		assert_int_equal(f.met, !waited);
	}
	assert_true(waited);
}

/* Not the one in the directory itself: for its lock the other one waits. */
static void who_comes_again_waits_on_its_way_until_the_name_is_forgotten(void **state)
{
	struct forgetting f = {.locks = *state};
	struct dir_lock gave_way;
	bool waited = false;

	for (int i = 0; i < 100 && !waited; i++) {
		pthread_t t;

		UNTIL(dir_locks_forget(f.locks, &f.lock, 7));
		dir_locks_pass(f.locks, 8); /* nobody has given way */
		dir_locks_park(f.locks, &gave_way, 7);
		assert_false(dir_locks_await(f.locks, &gave_way));
		dir_locks_unpark(f.locks, &gave_way);
		f.met = false;
		assert_int_equal(pthread_create(&t, NULL, forget_soon, &f), 0);
		dir_locks_pass(f.locks, 7);
		dir_locks_pass(f.locks, 8);
		waited = f.met;
		pthread_join(t, NULL);
		assert_true(f.met);
	}
	assert_true(waited);
}

static void a_request_without_a_name_has_no_lock(void **state)
{
	struct dir_locks *l = *state;
	struct dir_lock parked;

	dir_locks_park(l, &parked, 0);
	assert_false(dir_locks_parked(l));
	dir_locks_unpark(l, &parked);
	assert_false(dir_locks_parked(NULL));
}

static int open_locks(void **state)
{
	return dir_locks_open((struct dir_locks **)state, NULL);
}

static int close_locks(void **state)
{
	dir_locks_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(no_name_is_forgotten_where_a_request_is_parked,
					    open_locks, close_locks),
	    cmocka_unit_test_setup_teardown(a_request_gives_way_where_a_name_is_being_forgotten,
					    open_locks, close_locks),
	    cmocka_unit_test_setup_teardown(a_request_waits_for_who_is_through_in_a_moment,
					    open_locks, close_locks),
	    cmocka_unit_test_setup_teardown(
		who_comes_again_waits_on_its_way_until_the_name_is_forgotten, open_locks,
		close_locks),
	    cmocka_unit_test_setup_teardown(a_request_without_a_name_has_no_lock, open_locks,
					    close_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

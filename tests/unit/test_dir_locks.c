/* SPDX-License-Identifier: MIT */
/* Who waits and who forgets in one directory never meet. */
#include "fs/core/dir_locks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void no_name_is_forgotten_where_a_request_is_parked(void **state)
{
	struct dir_locks *l = *state;
	struct dir_lock parked, other, forgets;

	assert_true(dir_locks_park(l, &parked, 7));
	assert_true(dir_locks_park(l, &other, 7));
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
	assert_false(dir_locks_park(l, &parked, 7));
	dir_locks_unpark(l, &parked);
	assert_false(dir_locks_forgot(l, &there));
	assert_true(dir_locks_forgot(l, &elsewhere));
	assert_true(dir_locks_forget(l, &there, 7));
	assert_true(dir_locks_forgot(l, &there));
}

static void a_request_without_a_name_has_no_lock(void **state)
{
	struct dir_locks *l = *state;
	struct dir_lock parked;

	assert_true(dir_locks_park(l, &parked, 0));
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
	    cmocka_unit_test_setup_teardown(a_request_without_a_name_has_no_lock, open_locks,
					    close_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

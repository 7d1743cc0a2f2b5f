/* SPDX-License-Identifier: MIT */
#include "store/base/expiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MAX 1000

static size_t freed;

static void free_counted(void *value)
{
	freed++;
	free(value);
}

static void put(struct expiring *e, int64_t key, const char *text, int64_t until, int64_t now)
{
	expiring_put(e, &key, sizeof(key), strdup(text), until, now);
}

static const char *get(struct expiring *e, int64_t key, int64_t now)
{
	return expiring_get(e, &key, sizeof(key), now);
}

static int make(void **state)
{
	*state = expiring_new(MAX, free_counted);
	freed = 0;
	return *state ? 0 : -1;
}

static int drop(void **state)
{
	expiring_free(*state);
	return 0;
}

static void a_value_is_there_until_its_time_is_over(void **state)
{
	struct expiring *e = *state;

	put(e, 1, "a", 100, 0);
	assert_string_equal(get(e, 1, 99), "a");
	assert_null(get(e, 1, 100));
	assert_null(get(e, 2, 0));
	put(e, 1, "b", 300, 100);
	assert_string_equal(get(e, 1, 299), "b");
	assert_int_equal(freed, 1);
	expiring_remove(e, &(int64_t){1}, sizeof(int64_t));
	expiring_remove(e, &(int64_t){1}, sizeof(int64_t));
	assert_null(get(e, 1, 100));
	assert_int_equal(freed, 2);
}

static void what_is_over_does_not_gather(void **state)
{
	struct expiring *e = *state;
	int64_t now = 0;

	for (int64_t key = 0; key < 100000; key++, now += 10) {
		put(e, key, "value", now + 1000, now);
		assert_true(expiring_count(e) <= 210); /* a hundred live */
		assert_non_null(get(e, key - key % 2, now));
	}
	assert_true(freed > 99000);
}

static void half_go_where_too_many_live(void **state)
{
	struct expiring *e = *state;
	size_t there = 0;

	for (int64_t key = 0; key < 5 * MAX; key++) {
		put(e, key, "value", 1 << 20, key);
		assert_true(expiring_count(e) <= MAX);
		assert_non_null(get(e, key, key));
	}
	for (int64_t key = 0; key < 5 * MAX; key++)
		there += get(e, key, 0) != NULL;
	assert_true(there >= MAX / 2);
	assert_int_equal(there, expiring_count(e));
	assert_int_equal(there + freed, 5 * MAX);
}

static void a_cleared_map_is_as_new(void **state)
{
	struct expiring *e = *state;

	for (int64_t key = 0; key < 50; key++)
		put(e, key, "value", 100, 0);
	expiring_clear(e);
	assert_int_equal(freed, 50);
	assert_int_equal(expiring_count(e), 0);
	assert_null(get(e, 7, 0));
	put(e, 7, "again", 100, 0);
	assert_string_equal(get(e, 7, 0), "again");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_value_is_there_until_its_time_is_over),
	    TEST(what_is_over_does_not_gather),
	    TEST(half_go_where_too_many_live),
	    TEST(a_cleared_map_is_as_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

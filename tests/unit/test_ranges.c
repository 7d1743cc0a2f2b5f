/* SPDX-License-Identifier: MIT */
/* Sets of ranges beside an array with a flag for each byte. */
#include "store/base/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 64

static void ranges_that_touch_become_one(void **state)
{
	struct ranges set = RANGES_INIT;

	(void)state;
	assert_int_equal(ranges_add(&set, (struct byte_range){10, 20}, NULL), 0);
	assert_int_equal(ranges_add(&set, (struct byte_range){30, 40}, NULL), 0);
	assert_int_equal(ranges_add(&set, (struct byte_range){5, 5}, NULL), 0);
	assert_int_equal(set.count, 2);
	assert_int_equal(ranges_add(&set, (struct byte_range){20, 30}, NULL), 0);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.list[0].first, 10);
	assert_int_equal(set.list[0].end, 40);
	ranges_clear(&set);
	assert_int_equal(ranges_bytes(&set), 0);
}

/* The set holds what the flags say, in as few ranges as there can be. */
static void compare_set(const struct ranges *set, const char *held)
{
	size_t bytes = 0, runs = 0;

	for (size_t i = 0; i < SIZE; i++) {
		bytes += (size_t)held[i];
		runs += held[i] && (i == 0 || !held[i - 1]);
	}
	assert_int_equal(ranges_bytes(set), bytes);
	assert_int_equal(set->count, runs);
}

static void compare_missing(const struct ranges *set, const char *held, struct byte_range asked)
{
	struct byte_range r = asked;
	uint64_t first = asked.first, end;

	while (first < asked.end && held[first])
		first++;
	for (end = first; end < asked.end && !held[end];)
		end++;
	assert_int_equal(ranges_missing(set, &r), first < asked.end);
	if (first < asked.end) {
		assert_int_equal(r.first, first);
		assert_int_equal(r.end, end);
	}
}

static void what_is_missing_was_not_added_or_was_removed(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 500; round++) {
		struct ranges set = RANGES_INIT;
		char held[SIZE] = {0};

		for (int n = 0; n < 24; n++) {
			uint64_t a = (uint64_t)rand() % SIZE, b = (uint64_t)rand() % (SIZE + 1);
			struct byte_range r = {a < b ? a : b, a < b ? b : a};

			if (n % 3 == 0) {
				assert_int_equal(ranges_add(&set, r, NULL), 0);
				memset(held + r.first, 1, r.end - r.first);
			} else if (n % 3 == 1) {
				assert_int_equal(ranges_remove(&set, r, NULL), 0);
				memset(held + r.first, 0, r.end - r.first);
			}
			compare_set(&set, held);
			compare_missing(&set, held, r);
		}
		ranges_clear(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_that_touch_become_one),
	    cmocka_unit_test(what_is_missing_was_not_added_or_was_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

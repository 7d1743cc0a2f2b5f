/* SPDX-License-Identifier: MIT */
/* When a request is made again, and after how long. */
#include "registry/wire/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN 784111777

static void retry_after_in_all_its_forms(void **state)
{
	static const struct {
		const char *value;
		int64_t want;
	} cases[] = {
	    {NULL, -1},
	    {"", -1},
	    {"0", 0},
	    {"7", 7000},
	    {"60", 60000},
	    {"61", 60000},
	    {"1000000000000", 60000},
	    {"99999999999999999999999999", 60000},
	    {"-1", -1},
	    {"+1", -1},
	    {"1.5", -1},
	    {"7s", -1},
	    {" 7", -1},
	    {"soon", -1},
	    {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
	    {"Sun, 06 Nov 1994 08:00:00 GMT", 0},
	    {"Sun, 06 Nov 2094 08:49:47 GMT", 60000},
	    {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
	    {"Sun Nov  6 08:49:47 1994", 10000},
	    {"Sun, 06 Nov 1994 08:49:47 GMT x", -1},
	    {"Sun, 06 Nov 1994 08:49:47 CET", -1},
	    {"Sun, 06 Foo 1994 08:49:47 GMT", -1},
	    {"06 Nov 1994", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("  %s\n", cases[i].value ? cases[i].value : "(none)");
		assert_int_equal(retry_after(cases[i].value, THEN), cases[i].want);
	}
}

static void five_tries_without_progress(void **state)
{
	struct retry r = {0};

	(void)state;
	for (int i = 0; i < RETRY_TRIES - 1; i++)
		assert_true(retry_next(&r, RETRY_BUSY, -1, 0) >= 0);
	assert_int_equal(retry_next(&r, RETRY_BUSY, -1, 0), -1);
}

static void waits_double_with_half_of_them_by_chance(void **state)
{
	struct retry least = {0}, most = {0};

	(void)state;
	for (int64_t base = 500; base <= 4000; base *= 2) {
		assert_int_equal(retry_next(&least, RETRY_BUSY, -1, 0), base / 2);
		assert_int_equal(retry_next(&most, RETRY_BUSY, -1, (uint32_t)base - 1),
				 base / 2 + base - 1);
	}
}

static void the_registrys_wish_is_followed_within_a_minute(void **state)
{
	struct retry r = {0};

	(void)state;
	assert_int_equal(retry_next(&r, RETRY_BUSY, 7000, 0), 7000);
	assert_int_equal(retry_next(&r, RETRY_BUSY, 3600000, 0), RETRY_AFTER_MAX_MS);
	/* Not sooner than by our own count. */
	assert_int_equal(retry_next(&r, RETRY_BUSY, 0, 0), 1000);
}

static void progress_starts_the_count_anew(void **state)
{
	struct retry r = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(retry_next(&r, RETRY_CUT, -1, 0), 0);
		retry_progress(&r, RETRY_PROGRESS);
	}
}

static void a_byte_now_and_then_is_no_progress(void **state)
{
	struct retry r = {0};
	int tries = 0;

	(void)state;
	while (retry_next(&r, RETRY_CUT, -1, 0) >= 0) {
		retry_progress(&r, 1);
		assert_true(++tries < 10);
	}
}

static void two_stalls_are_enough(void **state)
{
	struct retry r = {0};

	(void)state;
	assert_true(retry_next(&r, RETRY_TIMEOUT, -1, 0) >= 0);
	assert_int_equal(retry_next(&r, RETRY_TIMEOUT, -1, 0), -1);
}

static void what_cannot_change_is_not_tried_again(void **state)
{
	struct retry r = {0};

	(void)state;
	assert_int_equal(retry_next(&r, RETRY_NEVER, 0, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(retry_after_in_all_its_forms),
	    cmocka_unit_test(five_tries_without_progress),
	    cmocka_unit_test(waits_double_with_half_of_them_by_chance),
	    cmocka_unit_test(the_registrys_wish_is_followed_within_a_minute),
	    cmocka_unit_test(progress_starts_the_count_anew),
	    cmocka_unit_test(a_byte_now_and_then_is_no_progress),
	    cmocka_unit_test(two_stalls_are_enough),
	    cmocka_unit_test(what_cannot_change_is_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

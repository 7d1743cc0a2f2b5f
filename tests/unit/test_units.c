/* SPDX-License-Identifier: MIT */
#include "fs/docker/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void sizes_have_docker_s_digits_and_units(void **state)
{
	static const struct {
		uint64_t bytes;
		int digits;
		const char *text;
	} cases[] = {
	    {0, 3, "0B"},
	    {1, 3, "1B"},
	    {999, 3, "999B"},
	    {1000, 3, "1kB"},
	    {1230, 3, "1.23kB"},
	    {1234, 3, "1.23kB"},
	    {12345, 4, "12.35kB"},
	    {72900000, 3, "72.9MB"},
	    {1000000000, 3, "1GB"},
	    {999499, 3, "999kB"},
	    {999500, 3, "1e+03kB"}, /* a quirk of go-units, kept */
	    {999999, 4, "1000kB"},
	    {1049000, 4, "1.049MB"},
	    {2100000000, 3, "2.1GB"},
	    {UINT64_MAX, 3, "18.4EB"},
	};
	char text[UNITS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(units_size(cases[i].bytes, cases[i].digits, text),
				    cases[i].text);
}

static void durations_change_their_unit_where_docker_s_do(void **state)
{
	enum { MIN = 60, HOUR = 3600, DAY = 24 * HOUR };
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
	    {-5, "Less than a second"},
	    {0, "Less than a second"},
	    {1, "1 second"},
	    {2, "2 seconds"},
	    {59, "59 seconds"},
	    {MIN, "About a minute"},
	    {2 * MIN - 1, "About a minute"},
	    {2 * MIN, "2 minutes"},
	    {HOUR - 1, "59 minutes"},
	    {HOUR, "About an hour"},
	    {90 * MIN - 1, "About an hour"},
	    {90 * MIN, "2 hours"},
	    {47 * HOUR + 29 * MIN, "47 hours"},
	    {47 * HOUR + 30 * MIN, "2 days"},
	    {13 * DAY, "13 days"},
	    {14 * DAY, "2 weeks"},
	    {59 * DAY, "8 weeks"},
	    {60 * DAY, "2 months"},
	    {729 * DAY, "24 months"},
	    {730 * DAY - 30 * MIN, "1 years"}, /* another quirk: rounded hours, then floored */
	    {730 * DAY, "2 years"},
	    {INT64_C(56) * 365 * DAY, "56 years"},
	};
	char text[UNITS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(units_duration(cases[i].seconds, text), cases[i].text);
}

static void extreme_times_do_not_overflow(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	assert_string_equal(units_ago(100, 100 + 3 * 3600, text), "3 hours ago");
	assert_string_equal(units_ago(-62135596800, 100, text), "N/A");
	assert_string_equal(units_ago(INT64_MAX, INT64_MIN, text), "Less than a second ago");
	assert_string_equal(units_ago(INT64_MIN, INT64_MAX, text), "292471208677 years ago");
	units_local_time(INT64_MAX, text);
	units_local_time(INT64_MIN, text);
}

static void a_local_time_is_written_as_go_does(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	setenv("TZ", "CET-1", 1);
	tzset();
	assert_string_equal(units_local_time(1614824682, text), "2021-03-04 03:24:42 +0100 CET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_have_docker_s_digits_and_units),
	    cmocka_unit_test(durations_change_their_unit_where_docker_s_do),
	    cmocka_unit_test(extreme_times_do_not_overflow),
	    cmocka_unit_test(a_local_time_is_written_as_go_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

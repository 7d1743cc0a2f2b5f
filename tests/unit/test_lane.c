/* SPDX-License-Identifier: MIT */
#include "store/base/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#define TOTAL (5u << 20) /* several times the lane's buffer */

struct taker {
	unsigned char *bytes;
	size_t len, fail_at;
	int calls_after_failure;
};

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	struct taker *t = arg;

	if (t->len >= t->fail_at) {
		t->calls_after_failure++;
		return err_set(err, ENOSPC, "full");
	}
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
	return 0;
}

static unsigned char *pattern(void)
{
	unsigned char *p = malloc(TOTAL);
	uint32_t x = 1;

	for (size_t i = 0; i < TOTAL; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (unsigned char)(x >> 24);
	}
	return p;
}

static void bytes_arrive_whole_and_in_order(void **state)
{
	autofree unsigned char *from = pattern();
	autofree unsigned char *to = malloc(TOTAL);
	struct taker t = {.bytes = to, .fail_at = SIZE_MAX};
	AUTO(lane_close) struct lane *l = NULL;
	size_t at = 0;

	(void)state;
	assert_int_equal(lane_open(take, &t, &l, NULL), 0);
	for (size_t n = 1; at < TOTAL; n = n * 3 % 700001) {
		size_t len = n < TOTAL - at ? n : TOTAL - at;

		assert_int_equal(lane_put(l, from + at, len, NULL), 0);
		at += len;
		if (n % 5 == 0) {
			assert_int_equal(lane_drain(l, NULL), 0);
			assert_int_equal(t.len, at);
		}
	}
	assert_int_equal(lane_drain(l, NULL), 0);
	assert_int_equal(t.len, TOTAL);
	assert_memory_equal(from, to, TOTAL);
}

static void a_failure_reaches_who_puts_and_is_the_last_call(void **state)
{
	autofree unsigned char *from = pattern();
	autofree unsigned char *to = malloc(TOTAL);
	struct taker t = {.bytes = to, .fail_at = 1 << 20};
	AUTO(lane_close) struct lane *l = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(lane_open(take, &t, &l, NULL), 0);
	assert_int_equal(lane_put(l, from, TOTAL, &err), -ENOSPC);
	assert_string_equal(err.text, "full");
	memset(&err, 0, sizeof(err));
	assert_int_equal(lane_put(l, from, 1, &err), -ENOSPC);
	assert_int_equal(lane_drain(l, &err), -ENOSPC);
	assert_string_equal(err.text, "full");
	assert_int_equal(t.calls_after_failure, 1);
}

static void closing_drops_what_was_not_taken(void **state)
{
	autofree unsigned char *from = pattern();
	autofree unsigned char *to = malloc(TOTAL);
	struct taker t = {.bytes = to, .fail_at = SIZE_MAX};
	struct lane *l = NULL;

	(void)state;
	for (int i = 0; i < 20; i++) {
		t.len = 0;
		assert_int_equal(lane_open(take, &t, &l, NULL), 0);
		assert_int_equal(lane_put(l, from, 1 << 20, NULL), 0);
		lane_close(l);
		assert_true(t.len <= 1 << 20);
	}
	lane_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_arrive_whole_and_in_order),
	    cmocka_unit_test(a_failure_reaches_who_puts_and_is_the_last_call),
	    cmocka_unit_test(closing_drops_what_was_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/base/buf.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void appends_add_up_to_a_string(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "a");
	buf_putc(&b, 'b');
	buf_printf(&b, "%d-%s", 12, "cd");
	buf_append(&b, "\0e", 2);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "ab12-cd\0e", 10);
	assert_false(buf_failed(&b));
}

static void a_long_buffer_grows(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.data + 4 * 4711, "4711", 4);
	assert_int_equal(b.data[b.len], '\0');
}

static void reserved_room_has_a_nul_behind(void **state)
{
	autobuf b = BUF_INIT;
	char *room;

	(void)state;
	buf_puts(&b, "ab");
	room = buf_reserve(&b, 62);
	memset(room, 'x', 62);
	b.len += 62;
	assert_int_equal(strlen(b.data), 64);
}

static void stealing_hands_the_string_on(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	s = buf_steal(&b);
	assert_string_equal(s, "");
	free(s);
	buf_puts(&b, "text");
	s = buf_steal(&b);
	assert_string_equal(s, "text");
	assert_null(b.data);
	free(s);
}

static void what_does_not_fit_makes_it_failed_for_good(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "x");
	assert_null(buf_reserve(&b, SIZE_MAX - 1));
	assert_true(buf_failed(&b));
	buf_puts(&b, "y");
	assert_int_equal(b.len, 1);
	assert_null(buf_steal(&b));
	assert_false(buf_failed(&b));
}

static void reset_keeps_the_memory(void **state)
{
	autobuf b = BUF_INIT;
	char *data;

	(void)state;
	buf_puts(&b, "old");
	data = b.data;
	buf_reset(&b);
	assert_ptr_equal(b.data, data);
	assert_string_equal(b.data, "");
	buf_puts(&b, "n");
	assert_string_equal(b.data, "n");
}

static void a_range_ends_where_the_other_buffer_does(void **state)
{
	autobuf from = BUF_INIT, to = BUF_INIT;

	(void)state;
	buf_append_range(&to, &from, 0, 5);
	assert_int_equal(to.len, 0);
	buf_puts(&from, "abcdef");
	buf_append_range(&to, &from, 1, 2);
	assert_string_equal(to.data, "bc");
	buf_append_range(&to, &from, 4, 100);
	assert_string_equal(to.data, "bcef");
	buf_append_range(&to, &from, 6, 1);
	buf_append_range(&to, &from, UINT64_MAX, SIZE_MAX);
	assert_int_equal(to.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appends_add_up_to_a_string),
	    cmocka_unit_test(a_long_buffer_grows),
	    cmocka_unit_test(reserved_room_has_a_nul_behind),
	    cmocka_unit_test(stealing_hands_the_string_on),
	    cmocka_unit_test(what_does_not_fit_makes_it_failed_for_good),
	    cmocka_unit_test(reset_keeps_the_memory),
	    cmocka_unit_test(a_range_ends_where_the_other_buffer_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

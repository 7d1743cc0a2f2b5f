/* SPDX-License-Identifier: MIT */
#include "store/base/err.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void code_and_sentence_are_set(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "no such image: %s", "redis"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "no such image: redis");
}

static void errno_s_message_stands_behind(void **state)
{
	struct err err = {0};

	(void)state;
	errno = ENOSPC;
	assert_int_equal(err_sys(&err, "write %s", "x"), -ENOSPC);
	assert_string_equal(err.text, "write x: No space left on device");
}

static void context_stands_in_front(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ECONNRESET, "connection reset");
	assert_int_equal(err_context(&err, "layer %d", 3), -ECONNRESET);
	assert_int_equal(err_context(&err, "pull %s", "redis:7"), -ECONNRESET);
	assert_string_equal(err.text, "pull redis:7: layer 3: connection reset");
}

static void no_sentence_wanted_keeps_the_code(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, EPROTO, "x"), -EPROTO);
	assert_int_equal(err_context(NULL, "y"), -EPROTO);
	errno = EROFS;
	assert_int_equal(err_sys(NULL, "z"), -EROFS);
	assert_int_equal(err_nomem(NULL), -ENOMEM);
}

static void control_characters_of_strangers_do_not_break_lines(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, EINVAL, "name %s", "a\nb\033[31m\177");
	assert_string_equal(err.text, "name a?b?[31m?");
}

static void long_sentences_are_cut_at_a_character(void **state)
{
	struct err err = {0};
	char text[2 * ERR_TEXT_MAX] = "";

	(void)state;
	for (int i = 0; i < ERR_TEXT_MAX / 2; i++)
		strcat(text, "é");
	err_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 2);
	err_set(&err, EINVAL, "x%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	memcpy(text + ERR_TEXT_MAX - 4, "€", sizeof("€"));
	err_set(&err, EINVAL, "x%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 3);
	for (int i = 0; i < 3; i++)
		err_context(&err, "pull %s", text);
	assert_true(strlen(err.text) < ERR_TEXT_MAX);
	memset(text, 'x', ERR_TEXT_MAX - 3);
	text[ERR_TEXT_MAX - 3] = '\0';
	err_set(&err, EINVAL, "cause");
	err_context(&err, "%s", text);
	assert_string_equal(err.text + ERR_TEXT_MAX - 3, ": ");
}

static void several_failures_have_a_line_each(void **state)
{
	struct err all = {0}, one = {0};

	(void)state;
	err_set(&all, ENOENT, "a");
	err_set(&one, EBUSY, "b");
	assert_true(err_add(&all, &one));
	assert_string_equal(all.text, "a\nb");
	assert_int_equal(all.code, ENOENT);
	memset(one.text, 'x', ERR_TEXT_MAX - 1);
	assert_false(err_add(&all, &one));
	one.text[ERR_TEXT_MAX - 4] = '\0';
	assert_false(err_add(&all, &one));
	assert_string_equal(all.text, "a\nb");
	one.text[ERR_TEXT_MAX - 5] = '\0';
	assert_true(err_add(&all, &one));
	assert_int_equal(strlen(all.text), ERR_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(code_and_sentence_are_set),
	    cmocka_unit_test(errno_s_message_stands_behind),
	    cmocka_unit_test(context_stands_in_front),
	    cmocka_unit_test(no_sentence_wanted_keeps_the_code),
	    cmocka_unit_test(control_characters_of_strangers_do_not_break_lines),
	    cmocka_unit_test(several_failures_have_a_line_each),
	    cmocka_unit_test(long_sentences_are_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

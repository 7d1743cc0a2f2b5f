/* SPDX-License-Identifier: MIT */
#include "store/base/mem.h"
#include "store/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void every_character_comes_back(void **state)
{
	(void)state;
	for (uint32_t code = 1; code < 0x110000; code++) {
		autobuf text = BUF_INIT;
		uint32_t back = 0;

		utf8_encode(&text, code);
		assert_false(buf_failed(&text));
		assert_int_equal(text.len, code < 0x80	    ? 1
					   : code < 0x800   ? 2
					   : code < 0x10000 ? 3
							    : 4);
		if (code >= 0xd800 && code < 0xe000) { /* surrogates are no characters */
			assert_int_equal(utf8_decode(text.data, text.len, &back), 0);
			continue;
		}
		assert_int_equal(utf8_decode(text.data, text.len, &back), text.len);
		assert_int_equal(back, code);
		for (size_t len = 1; len < text.len; len++)
			assert_int_equal(utf8_decode(text.data, len, &back), 0);
	}
}

static void what_is_no_character_is_none(void **state)
{
	static const char *const texts[] = {
	    "\x80",
	    "\xbf",
	    "\xc0\x80",
	    "\xc1\xbf",
	    "\xe0\x9f\xbf",
	    "\xf0\x8f\xbf\xbf",
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80",
	    "\xff",
	    "\xc3(",
	};
	uint32_t code;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(utf8_decode(texts[i], UTF8_MAX, &code), 0);
}

static void a_text_keeps_its_characters_alone(void **state)
{
	autofree char *good = utf8_text("a\u00e9\u20ac\U0001f433"),
		      *bad = utf8_text("a\xff\xe2\x82z"), *none = utf8_text("");

	(void)state;
	assert_string_equal(good, "a\u00e9\u20ac\U0001f433");
	assert_string_equal(bad, "a\ufffd\ufffd\ufffdz");
	assert_string_equal(none, "");
}

static void what_steers_a_terminal_is_known(void **state)
{
	static const uint32_t control[] = {0,	 0x1b,	 '\n',	 0x7f,	 0x80,
					   0x9b, 0x200e, 0x202e, 0x2066, 0xfeff};
	static const uint32_t harmless[] = {' ', '~', 0xa0, 0xe9, 0x20ac, 0xfffd, 0x1f433};

	(void)state;
	for (size_t i = 0; i < sizeof(control) / sizeof(*control); i++)
		assert_true(utf8_is_control(control[i]));
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		assert_false(utf8_is_control(harmless[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character_comes_back),
	    cmocka_unit_test(what_is_no_character_is_none),
	    cmocka_unit_test(a_text_keeps_its_characters_alone),
	    cmocka_unit_test(what_steers_a_terminal_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

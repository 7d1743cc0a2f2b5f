/* SPDX-License-Identifier: MIT */
/* A small document as a list of its members. */
#include "store/base/json_fields.h"

#include "store/base/json_quoted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void read_good(struct json_fields *f, const char *text)
{
	struct err err;

	if (json_fields_read(f, text, strlen(text), &err))
		fail_msg("%s: %s", text, err.text);
}

static void members_have_their_kind_and_value(void **state)
{
	autofields f = {0}, none = {0};
	const struct json_field *o;

	(void)state;
	read_good(&f, "{\"s\":\"a\\u00e9\\n\",\"n\":18446744073709551615,\"m\":-7,\"z\":-0,"
		      "\"f\":1.5,\"t\":true,\"a\":[{\"s\":1}],\"nul\":null,\"\":\"\"}");
	assert_string_equal(json_field_text(json_field(&f, "s")), "a\xc3\xa9\n");
	assert_int_equal(json_field(&f, "s")->len, 4);
	o = json_field(&f, "n");
	assert_true(o->kind == JSON_WHOLE && o->number == UINT64_MAX && !o->negative);
	o = json_field(&f, "m");
	assert_true(o->kind == JSON_WHOLE && o->number == 7 && o->negative);
	o = json_field(&f, "z");
	assert_true(o->kind == JSON_WHOLE && o->number == 0 && !o->negative);
	assert_int_equal(json_field(&f, "f")->kind, JSON_FRACTION);
	assert_int_equal(json_field(&f, "t")->kind, JSON_BOOL);
	assert_int_equal(json_field(&f, "a")->kind, JSON_ARRAY);
	assert_null(json_field(&f, "nul"));
	assert_null(json_field(&f, "S"));
	assert_string_equal(json_field_text(json_field(&f, "")), "");
	assert_null(json_field_text(json_field(&f, "n")));
	assert_null(json_field_text(NULL));
	read_good(&none, "{}");
	assert_null(json_field(&none, "a"));
}

static void an_object_has_its_own_members_and_no_others(void **state)
{
	autofields f = {0};
	const struct json_field *first;
	const struct json_field *o;

	(void)state;
	read_good(&f,
		  "{\"x\":{},\"o\":{\"a\":\"1\",\"b\":{\"c\":{\"d\":1}},\"e\":null},\"a\":\"2\"}");
	o = json_field(&f, "o");
	assert_int_equal(o->kind, JSON_OBJECT);
	assert_int_equal(json_field_members(&f, o, &first), 3);
	assert_string_equal(first[0].key, "a");
	assert_string_equal(first[0].text, "1");
	assert_string_equal(first[1].key, "b");
	assert_int_equal(first[1].kind, JSON_OBJECT);
	assert_string_equal(first[2].key, "e");
	assert_int_equal(first[2].kind, JSON_NULL);
	assert_int_equal(json_field_members(&f, json_field(&f, "x"), &first), 0);
	assert_string_equal(json_field_text(json_field(&f, "a")), "2");
	assert_null(json_field(&f, "c"));
}

static void a_nul_is_in_no_text(void **state)
{
	autofields f = {0};

	(void)state;
	read_good(&f, "{\"a\":\"x\\u0000y\"}");
	assert_int_equal(json_field(&f, "a")->len, 3);
	assert_null(json_field_text(json_field(&f, "a")));
}

/* As many escapes and members as fit, so that a wrong sum of the room for texts shows. */
static void texts_stay_where_they_are(void **state)
{
	autofields f = {0};
	autobuf b = BUF_INIT;
	char key[16];

	(void)state;
	buf_puts(&b, "{\"\":\"\"");
	for (int i = 0; i < 500; i++)
		buf_printf(&b, ",\"%d\":\"\"", i);
	buf_puts(&b, "}");
	for (int round = 0; round < 2; round++) {
		const char *data;

		read_good(&f, b.data);
		data = f.text.data;
		for (int i = 0; i < 500; i++) {
			snprintf(key, sizeof(key), "%d", i);
			assert_non_null(json_field(&f, key));
			assert_true(json_field(&f, key)->text > data &&
				    json_field(&f, key)->text < data + f.text.len);
			assert_string_equal(json_field(&f, key)->text, "");
		}
	}
}

static void it_is_checked_as_strictly(void **state)
{
	static const struct {
		const char *text, *rule;
	} bad[] = {
	    {"{\"a\":1,\"A\":2}", "byte 7: duplicate key"},
	    {"{\"o\":{\"a\":1,\"A\":2}}", "duplicate key"},
	    {"{\"xattrs\":{\"a\":1,\"a\":2}}", "duplicate key"},
	    {"{\"a\\u0000\":1}", "NUL in a key"},
	    {"{\"a\":\"\xff\"}", "not UTF-8"},
	    {"{\"a\":\"\\q\"}", "unknown escape"},
	    {"{\"a\":\"\x1f\"}", "control character"},
	    {"{\"a\":-9223372036854775809}", "out of range"},
	    {"{\"a\":1}x", "bytes behind"},
	    {"{\"a\":\"b", "does not end"},
	};
	autofields f = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		if (json_fields_read(&f, bad[i].text, strlen(bad[i].text), &err) != -EPROTO ||
		    !strstr(err.text, bad[i].rule))
			fail_msg("%s: \"%s\"", bad[i].text, err.text);
	}
	read_good(&f, "{\"xattrs\":{\"a\":1,\"A\":2}}");
}

/* Each number of members, so that both ways to find a duplicate are gone, and each place. */
static void a_duplicate_is_found_wherever_it_is(void **state)
{
	autofields f = {0};

	(void)state;
	for (int count = 2; count < 60; count++) {
		for (int at = 0; at < count - 1; at++) {
			autobuf b = BUF_INIT;

			buf_puts(&b, "{");
			for (int i = 0; i < count - 1; i++)
				buf_printf(&b, "\"key%d\":0,", i);
			buf_printf(&b, "\"KEY%d\":0}", at);
			assert_int_equal(json_fields_read(&f, b.data, b.len, NULL), -EPROTO);
		}
	}
}

static void plain_bytes_end_at_the_first_that_is_not(void **state)
{
	unsigned char text[40];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < sizeof(text); at++) {
			bool is_plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

			memset(text, at % 2 ? 0x7f : ' ', sizeof(text));
			text[at] = (unsigned char)c;
			if (at + 2 < sizeof(text))
				text[at + 2] = '"';
			assert_int_equal(json_quoted_plain(text, sizeof(text)),
					 !is_plain		 ? at
					 : at + 2 < sizeof(text) ? at + 2
								 : sizeof(text));
			assert_int_equal(json_quoted_plain(text, at), at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_have_their_kind_and_value),
	    cmocka_unit_test(an_object_has_its_own_members_and_no_others),
	    cmocka_unit_test(a_nul_is_in_no_text),
	    cmocka_unit_test(texts_stay_where_they_are),
	    cmocka_unit_test(it_is_checked_as_strictly),
	    cmocka_unit_test(a_duplicate_is_found_wherever_it_is),
	    cmocka_unit_test(plain_bytes_end_at_the_first_that_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/base/json.h"

#include "store/base/buf.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_good(const char *text)
{
	autojson *o = NULL;
	struct err err = {0};

	if (json_parse(text, strlen(text), &o, &err))
		fail_msg("%s: %s", text, err.text);
}

static void assert_bad(const char *text, size_t len, const char *rule)
{
	struct json_object *o = NULL;
	struct err err = {0};

	if (json_parse(text, len, &o, &err) != -EPROTO)
		fail_msg("accepted: %s", text);
	if (!strstr(err.text, rule))
		fail_msg("%s: %s, not: %s", text, err.text, rule);
}

static void documents_of_the_rfc_are_read(void **state)
{
	static const char *const good[] = {
	    "{}",
	    "[]",
	    " \t\r\n{ \"a\" : [ 1 , -0 , 0.5 , 1e3 , 1E+2 , 1.5e-3 ] } ",
	    "null",
	    "true",
	    "-12",
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
	    "\"é€😀\"",
	    "18446744073709551615",
	    "-9223372036854775808",
	    "{\"\":1}",
	    "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
	    "[\"a\\u0000b\"]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_good(good[i]);
}

static void broken_documents_are_refused_with_the_rule(void **state)
{
	static const struct {
		const char *text, *rule;
	} bad[] = {
	    {"", "ends too early"},
	    {"  ", "ends too early"},
	    {"{", "key must be a string"},
	    {"{\"a\"}", "colon"},
	    {"{\"a\":}", "not a value"},
	    {"{\"a\":1,}", "key must be a string"},
	    {"{a:1}", "key must be a string"},
	    {"{'a':1}", "key must be a string"},
	    {"[1,]", "not a value"},
	    {"[1 2]", "comma or ]"},
	    {"{\"a\":1 \"b\":2}", "comma or }"},
	    {"[1", "comma or ]"},
	    {"[1}", "comma or ]"},
	    {"{} {}", "bytes behind"},
	    {"{}x", "bytes behind"},
	    {"nul", "not a value"},
	    {"nulll", "bytes behind"},
	    {"True", "not a value"},
	    {"NaN", "not a value"},
	    {"Infinity", "not a value"},
	    {"-Infinity", "not a value"},
	    {"/* */ 1", "not a value"},
	    {"01", "bytes behind"},
	    {"+1", "not a value"},
	    {"-", "not a value"},
	    {".5", "not a value"},
	    {"1.", "point"},
	    {"1e", "exponent"},
	    {"0x10", "bytes behind"},
	    {"1e400", "out of range"},
	    {"-1e400", "out of range"},
	    {"18446744073709551616", "out of range"},
	    {"-9223372036854775809", "out of range"},
	    {"\"abc", "does not end"},
	    {"\"abc\\", "does not end"},
	    {"\"\\x41\"", "unknown escape"},
	    {"\"\\u12g4\"", "four hex digits"},
	    {"\"\\u12", "four hex digits"},
	    {"\"\\ud800\"", "surrogate"},
	    {"\"\\ud800\\n\"", "surrogate"},
	    {"\"\\ud800\\ud800\"", "surrogate"},
	    {"\"\\udc00\"", "surrogate"},
	    {"\"a\nb\"", "control character"},
	    {"\"\x80\"", "UTF-8"},
	    {"\"\xc0\x80\"", "UTF-8"},
	    {"\"\xc1\xbf\"", "UTF-8"},
	    {"\"\xe0\x80\x80\"", "UTF-8"},
	    {"\"\xed\xa0\x80\"", "UTF-8"},
	    {"\"\xf0\x80\x80\x80\"", "UTF-8"},
	    {"\"\xf4\x90\x80\x80\"", "UTF-8"},
	    {"\"\xf8\x88\x80\x80\x80\"", "UTF-8"},
	    {"\"\xe2\x82\"", "UTF-8"},
	    {"\"\xe2\x82", "UTF-8"},
	    {"{\"a\\u0000b\":1}", "NUL in a key"},
	    {"\xef\xbb\xbf{}", "not a value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_bad(bad[i].text, strlen(bad[i].text), bad[i].rule);
	assert_bad("[1]\0", 4, "bytes behind");
	assert_bad("\"a\0b\"", 5, "control character");
	assert_bad("\0", 1, "not a value");
}

static void no_prefix_of_a_document_is_a_document(void **state)
{
	static const char text[] = "{\"a\":[1.5e3,\"x\\ud83d\\ude00é\",true,null,{\"b\":-1}]}";
	struct json_object *o;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char *exact = malloc(len ? len : 1); /* so that a read behind it is noticed */

		memcpy(exact, text, len);
		assert_int_equal(json_parse(exact, len, &o, NULL), -EPROTO);
		free(exact);
	}
	assert_good(text);
}

static void duplicate_keys_are_refused(void **state)
{
	static const char *const bad[] = {
	    "{\"a\":1,\"b\":2,\"a\":3}",
	    "{\"a\":1,\"\\u0061\":2}",
	    "{\"mediaType\":1,\"MediaType\":2}",
	    "{\"layers\":1,\"layer\xc5\xbf\":2}",
	    "{\"k\":1,\"\\u212a\":2}",
	    "{\"\":1,\"\":2}",
	    "[{\"x\":{\"a\":1,\"A\":2}}]",
	    "{\"annotations\":{\"a\":1,\"a\":2}}",
	    "{\"annotations\":{},\"annotations\":{}}",
	    "{\"annotations\":[{\"a\":1,\"A\":2}]}",
	    "{\"Labels\":{\"x\":{\"a\":1,\"A\":2}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_bad(bad[i], strlen(bad[i]), "duplicate key");
}

static void free_keys_may_differ_by_case(void **state)
{
	(void)state;
	assert_good("{\"config\":{\"Labels\":{\"Name\":\"a\",\"name\":\"b\"}}}");
	assert_good("{\"xattrs\":{\"user.Name\":\"\",\"user.name\":\"\"}}");
	assert_good("{\"annotations\":{\"a\":\"1\",\"A\":\"2\"}}");
	assert_good("{\"Volumes\":{\"/Data\":{},\"/data\":{}}}");
}

static void depth_is_limited(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_puts(&b, i % 2 ? "[" : "{\"a\":");
	buf_puts(&b, "\"x\"");
	for (int i = JSON_DEPTH_MAX; i-- > 0;)
		buf_puts(&b, i % 2 ? "]" : "}");
	assert_good(b.data);
	buf_reset(&b);
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		buf_puts(&b, "[");
	assert_bad(b.data, b.len, "too deep");
	for (int i = 0; i < 1000000; i++)
		buf_puts(&b, "[");
	assert_bad(b.data, b.len, "too deep");
}

static void a_document_of_very_many_keys_is_checked_in_time(void **state)
{
	autobuf b = BUF_INIT;
	autojson *o = NULL;

	(void)state;
	buf_puts(&b, "{");
	for (int i = 0; i < 300000; i++)
		buf_printf(&b, "\"%08d\":0,", i);
	buf_puts(&b, "\"x\":0}");
	assert_int_equal(json_parse(b.data, b.len, &o, NULL), 0);
	b.len--;
	buf_puts(&b, ",\"00001234\":0}");
	assert_bad(b.data, b.len, "duplicate key");
}

static void the_number_of_values_is_limited(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "[0");
	for (int i = 0; i < JSON_VALUES_MAX; i++)
		buf_puts(&b, ",0");
	buf_puts(&b, "]");
	assert_bad(b.data, b.len, "too many values");
}

static void getters_are_total(void **state)
{
	static const char text[] = "{\"s\":\"x\",\"n\":7,\"neg\":-1,\"f\":1.5,\"a\":[],\"o\":{},"
				   "\"t\":true,\"no\":false,\"z\":\"a\\u0000b\",\"nul\":null}";
	autojson *o = NULL;
	uint64_t v = 0;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_string_equal(json_string(o, "s"), "x");
	assert_null(json_string(o, "n"));
	assert_null(json_string(o, "z"));
	assert_null(json_string(o, "missing"));
	assert_null(json_string(NULL, "s"));
	assert_null(json_string(json_array(o, "a"), "s"));
	assert_non_null(json_array(o, "a"));
	assert_null(json_array(o, "o"));
	assert_non_null(json_map(o, "o"));
	assert_null(json_map(o, "a"));
	assert_null(json_member(o, "nul"));
	assert_true(json_is_true(o, "t"));
	assert_false(json_is_true(o, "no"));
	assert_false(json_is_true(o, "s"));
	assert_int_equal(json_u64(o, "n", 7, &v, NULL), 0);
	assert_int_equal(v, 7);
	assert_int_equal(json_u64(o, "n", 6, &v, NULL), -EPROTO);
	assert_int_equal(json_u64(o, "neg", 9, &v, NULL), -EPROTO);
	assert_int_equal(json_u64(o, "f", 9, &v, NULL), -EPROTO);
	assert_int_equal(json_u64(o, "s", 9, &v, NULL), -EPROTO);
	assert_int_equal(json_u64(o, "missing", 9, &v, NULL), -EPROTO);
}

static void whole_numbers_keep_all_64_bits(void **state)
{
	static const char text[] = "{\"max\":18446744073709551615,\"big\":9223372036854775808}";
	autojson *o = NULL;
	uint64_t v = 0;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_int_equal(json_u64(o, "max", UINT64_MAX, &v, NULL), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(json_u64(o, "big", INT64_MAX, &v, NULL), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(documents_of_the_rfc_are_read),
	    cmocka_unit_test(broken_documents_are_refused_with_the_rule),
	    cmocka_unit_test(no_prefix_of_a_document_is_a_document),
	    cmocka_unit_test(duplicate_keys_are_refused),
	    cmocka_unit_test(free_keys_may_differ_by_case),
	    cmocka_unit_test(depth_is_limited),
	    cmocka_unit_test(a_document_of_very_many_keys_is_checked_in_time),
	    cmocka_unit_test(the_number_of_values_is_limited),
	    cmocka_unit_test(getters_are_total),
	    cmocka_unit_test(whole_numbers_keep_all_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

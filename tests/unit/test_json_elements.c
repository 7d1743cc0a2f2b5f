/* SPDX-License-Identifier: MIT */
/* A long JSON document, read element by element. */
#include "store/lazy/json_elements.h"

#include "store/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int note(void *arg, const struct json_fields *element, struct err *err)
{
	autojson *o = NULL;

	(void)err;
	assert_int_equal(json_parse(element->source, element->source_len, &o, NULL), 0);
	buf_puts(arg, json_object_to_json_string_ext(o, JSON_TEXT_FLAGS));
	buf_putc(arg, ';');
	return 0;
}

/* The elements, each with ";" behind it, and the rest; fed in pieces. */
static int read_all(const char *doc, size_t len, size_t step, struct buf *out, struct err *err)
{
	AUTO(json_elements_close) struct json_elements *e = NULL;
	autojson *rest = NULL;
	int r = json_elements_open("entries", note, out, &e, err);

	for (size_t at = 0; !r && at < len; at += step)
		r = json_elements_feed(e, doc + at, len - at < step ? len - at : step, err);
	if (!r)
		r = json_elements_finish(e, &rest, err);
	if (!r)
		buf_puts(out, json_object_to_json_string_ext(rest, JSON_TEXT_FLAGS));
	return r;
}

static const size_t steps[] = {1, 2, 7, 1 << 20};

static void assert_read(const char *doc, const char *wanted)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		autobuf out = BUF_INIT;
		struct err err;

		if (read_all(doc, strlen(doc), steps[i], &out, &err))
			fail_msg("%s: %s", doc, err.text);
		assert_string_equal(out.data, wanted);
	}
}

static void assert_bad(const char *doc, size_t len, const char *why)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		autobuf out = BUF_INIT;
		struct err err = {0};

		if (read_all(doc, len, steps[i], &out, &err) != -EBADMSG || err.code != EBADMSG)
			fail_msg("%.80s: not refused", doc);
		if (!strstr(err.text, why))
			fail_msg("%.80s: \"%s\" does not say \"%s\"", doc, err.text, why);
	}
}

static void elements_come_one_by_one_and_the_rest_at_the_end(void **state)
{
	(void)state;
	assert_read("{\"entries\":[{\"a\":1},{\"b\":[{\"c\":\"}]\"}]}],\"version\":1}",
		    "{\"a\":1};{\"b\":[{\"c\":\"}]\"}]};{\"entries\":[],\"version\":1}");
	assert_read(" {\n\t\"version\" : 1 , \"entries\" : [ { } , { \"\\\"\" : 2 } ] } \n",
		    "{};{\"\\\"\":2};{\"version\":1,\"entries\":[]}");
	assert_read("{\"entries\":[]}", "{\"entries\":[]}");
	assert_read("{\"entries\":null,\"version\":1}", "{\"entries\":null,\"version\":1}");
}

static void only_the_member_itself_is_the_array(void **state)
{
	(void)state;
	assert_read("{\"x\":{\"entries\":[1,{\"a\":2}]},\"entries\":[{\"a\":1}]}",
		    "{\"a\":1};{\"x\":{\"entries\":[1,{\"a\":2}]},\"entries\":[]}");
	assert_read("{\"x\":\"entries\",\"y\":[{\"a\":1}],\"entries\":[{\"a\":1}]}",
		    "{\"a\":1};{\"x\":\"entries\",\"y\":[{\"a\":1}],\"entries\":[]}");
	assert_read("{\"x\":[\"entries\",[3]],\"entries\":[{\"a\":1}]}",
		    "{\"a\":1};{\"x\":[\"entries\",[3]],\"entries\":[]}");
	assert_read("{\"an\\\"entries\":[3],\"entries\":[{\"a\":1}]}",
		    "{\"a\":1};{\"an\\\"entries\":[3],\"entries\":[]}");
}

static void what_is_no_json_is_refused(void **state)
{
	static const struct {
		const char *doc, *why;
	} bad[] = {
	    {"", "document ends too early"},
	    {"{", "a key must be a string"},
	    {"[]", "there is no \"entries\""},
	    {"[{\"entries\":[{}]}]", "there is no \"entries\""},
	    {"{\"version\":1}", "there is no \"entries\""},
	    {"{\"Entries\":[]}", "there is no \"entries\""},
	    {"{\"entries\":{}}", "is no array"},
	    {"{\"entries\":\"\"}", "is no array"},
	    {"{\"entri\\u0065s\":[{}]}", "is no array"},
	    {"{\"entries\":[{}],\"entries\":[{}]}", "a second"},
	    {"{\"entries\":[{}],\"Entries\":1}", "duplicate key"},
	    {"{\"entries\":[{}],\"entri\\u0065s\":1}", "duplicate key"},
	    {"{\"version\":1,\"Version\":1,\"entries\":[]}", "duplicate key"},
	    {"{\"entries\":[{\"a\":1,\"A\":1}]}", "entry 1: invalid JSON at byte 7: duplicate key"},
	    {"{\"entries\":[1]}", "no object"},
	    {"{\"entries\":[null]}", "no object"},
	    {"{\"entries\":[[]]}", "no object"},
	    {"{\"entries\":[{},]}", "no object"},
	    {"{\"entries\":[,{}]}", "no object"},
	    {"{\"entries\":[{},,{}]}", "no object"},
	    {"{\"entries\":[{}{}]}", "a comma or ]"},
	    {"{\"entries\":[{}}", "a comma or ]"},
	    {"{\"entries\":[{]", "a key must be a string"},
	    {"{\"entries\":[{\"a\":[}]", "not a value"},
	    {"{\"entries\":[{\"a\":1", "ends in entry 0"},
	    {"{\"entries\":[{\"a\":\"\\", "ends in entry 0"},
	    {"{\"entries\":[{}", "ends in entry 1"},
	    {"{\"entries\":[{}]", "a comma or }"},
	    {"{\"entries\":[{}]}x", "bytes behind the document"},
	    {"{\"entries\":[{}]}{}", "bytes behind the document"},
	    {"{\"entries\":[{}] \"a\":1}", "a comma or }"},
	    {"{\"a\":\"entries\":[{}]}", "a comma or }"},
	    {"{\"a\":01,\"entries\":[]}", "a comma or }"},
	    {"{\"a\":NaN,\"entries\":[]}", "not a value"},
	    {"{\"a\":\"\xff\",\"entries\":[]}", "not UTF-8"},
	    {"{\"entries\":[{\"a\":\"\xff\"}]}", "not UTF-8"},
	    {"{\"entries\":[{\"a\":1e999}]}", "out of range"},
	    {"{\"entries\":[{\"a\":18446744073709551616}]}", "out of range"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(bad[i].doc, strlen(bad[i].doc), bad[i].why);
	assert_bad("{\"entries\":[{}]}\0", 17, "bytes behind the document");
}

/* `begin`, then `times` of `piece`, then `end`. */
static void assert_long(const char *begin, const char *piece, size_t times, const char *end,
			const char *why)
{
	autobuf doc = BUF_INIT, out = BUF_INIT;
	struct err err = {0};
	int r;

	buf_puts(&doc, begin);
	for (size_t i = 0; i < times; i++)
		buf_puts(&doc, piece);
	buf_puts(&doc, end);
	r = read_all(doc.data, doc.len, 1 << 16, &out, &err);
	if (!why && r)
		fail_msg("%s", err.text);
	if (why && (r != -EBADMSG || !strstr(err.text, why)))
		fail_msg("%d \"%s\" does not say \"%s\"", r, err.text, why);
}

static void limits_hold(void **state)
{
	(void)state;
	assert_long("{\"entries\":[{\"a\":\"", "aaaaaaaa", 500000, "\"}]}", NULL);
	assert_long("{\"entries\":[{\"a\":\"", "aaaaaaaa", 530000, "\"}]}",
		    "more than 4194304 bytes");
	assert_long("{\"entries\":[{\"a\":\"", "aaaaaaaa", 530000, "", "more than 4194304 bytes");
	assert_long("{\"a\":\"", "aaaaaaaa", 530000, "\",\"entries\":[]}",
		    "more than 4194304 bytes");
	assert_long("{\"entries\":[{\"a\":[0", ",0", 1024, "]}]}", NULL);
	assert_long("{\"entries\":[{\"a\":[0", ",0", 1025, "]}]}", "more than 1024 values");
	assert_long("{\"a\":[0", ",0", 1025, "],\"entries\":[]}", "more than 1024 values");
	assert_long("{\"entries\":[{\"a\":", "[", 40, "", "ends in entry");
	assert_long("{\"entries\":[{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]", 32, "}]}",
		    "nested too deep");
	assert_long("{\"entries\":[", "{\"a\":1},", 300000, "{}]}", NULL);
	assert_long("{\"entries\":[", "          ", 1000000, "{}]}", NULL);
}

static int refuse(void *arg, const struct json_fields *o, struct err *err)
{
	(void)arg;
	(void)o;
	return err_set(err, ENOSPC, "no room");
}

static void an_error_of_the_receiver_ends_it(void **state)
{
	AUTO(json_elements_close) struct json_elements *e = NULL;
	struct err err;

	(void)state;
	assert_int_equal(json_elements_open("entries", refuse, NULL, &e, &err), 0);
	assert_int_equal(json_elements_feed(e, "{\"entries\":[{}", 14, &err), -ENOSPC);
	assert_string_equal(err.text, "entry 1: no room");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elements_come_one_by_one_and_the_rest_at_the_end),
	    cmocka_unit_test(only_the_member_itself_is_the_array),
	    cmocka_unit_test(what_is_no_json_is_refused),
	    cmocka_unit_test(limits_hold),
	    cmocka_unit_test(an_error_of_the_receiver_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

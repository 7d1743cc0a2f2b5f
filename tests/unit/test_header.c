/* SPDX-License-Identifier: MIT */
/* Header fields: Content-Range, Link, numbers, and what must not be in one. */
#include "registry/wire/header.h"
#include "store/base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct header_list *h, const char *line)
{
	assert_int_equal(header_add(h, line, strlen(line), NULL), 0);
}

static void fields_are_found_without_regard_to_case(void **state)
{
	struct header_list h = HEADER_LIST_INIT;
	size_t iter = 0;

	(void)state;
	add(&h, "Content-Type: text/plain \r\n");
	add(&h, "X: 1");
	add(&h, "x:\t2\r\n");
	add(&h, "no field\r\n");
	add(&h, ": nameless\r\n");
	assert_string_equal(header_get(&h, "content-type"), "text/plain");
	assert_string_equal(header_next(&h, "X", &iter), "1");
	assert_string_equal(header_next(&h, "X", &iter), "2");
	assert_null(header_next(&h, "X", &iter));
	assert_null(header_get(&h, "no field"));
	header_clear(&h);
	assert_null(header_get(&h, "X"));
}

static void controls_are_refused(void **state)
{
	struct header_list h = HEADER_LIST_INIT;

	(void)state;
	assert_int_equal(header_add(&h, "A: x\0y\r\n", 8, NULL), -EPROTO);
	assert_int_equal(header_add(&h, "A: x\ry\r\n", 8, NULL), -EPROTO);
	assert_int_equal(header_add(&h, "A: \033[2J\r\n", 9, NULL), -EPROTO);
	header_clear(&h);
}

static void content_ranges_are_read_strictly(void **state)
{
	static const struct {
		const char *value;
		uint64_t first, last, size;
		bool good;
	} cases[] = {
	    {"bytes 0-0/1", 0, 0, 1, true},
	    {"bytes 5-9/10", 5, 9, 10, true},
	    {"Bytes 5-9/*", 5, 9, UINT64_MAX, true},
	    {"bytes 5-9/9", .good = false},
	    {"bytes 9-5/10", .good = false},
	    {"bytes 5-10/10", .good = false},
	    {"bytes -5/10", .good = false},
	    {"bytes 5-/10", .good = false},
	    {"bytes */10", .good = false},
	    {"bytes=5-9/10", .good = false},
	    {"bytes 5-9/10 ", 5, 9, 10, true}, /* the field's own blanks go */
	    {"bytes 5-9/10x", .good = false},
	    {"bytes 5-9", .good = false},
	    {"bytes +5-9/10", .good = false},
	    {"bytes 5 - 9/10", .good = false},
	    {"items 5-9/10", .good = false},
	    {"bytes 18446744073709551616-18446744073709551617/*", .good = false},
	    {"", .good = false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct header_list h = HEADER_LIST_INIT;
		uint64_t first = 0, last = 0, size = 0;
		char line[128];

		snprintf(line, sizeof(line), "Content-Range: %s\r\n", cases[i].value);
		print_message("  %s\n", cases[i].value);
		add(&h, line);
		assert_int_equal(header_content_range(&h, &first, &last, &size), cases[i].good);
		if (cases[i].good) {
			assert_int_equal(first, cases[i].first);
			assert_int_equal(last, cases[i].last);
			assert_int_equal(size, cases[i].size);
		}
		header_clear(&h);
	}
}

static void a_416_tells_the_size(void **state)
{
	struct header_list h = HEADER_LIST_INIT;
	uint64_t size;

	(void)state;
	assert_false(header_unsatisfied_size(&h, &size));
	add(&h, "Content-Range: bytes */1234");
	assert_true(header_unsatisfied_size(&h, &size));
	assert_int_equal(size, 1234);
	header_clear(&h);
}

static void numbers_are_digits(void **state)
{
	static const char *const bad[] = {
	    "", "-1", "+1", "1.0", "0x10", "1 2", "18446744073709551616"};
	struct header_list h = HEADER_LIST_INIT;
	uint64_t n;

	(void)state;
	add(&h, "Content-Length: 18446744073709551615");
	assert_true(header_number(&h, "Content-Length", &n));
	assert_true(n == UINT64_MAX);
	header_clear(&h);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char line[64];

		snprintf(line, sizeof(line), "N: %s", bad[i]);
		add(&h, line);
		assert_false(header_number(&h, "N", &n));
		header_clear(&h);
	}
}

static void the_next_page_is_found_among_links(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"</v2/a/tags/list?last=b&n=1>; rel=\"next\"", "/v2/a/tags/list?last=b&n=1"},
	    {"</n>;rel=next", "/n"},
	    {"</n>; REL = \"Next\"", "/n"},
	    {"</p>; rel=\"prev\", </n>; rel=\"next\"", "/n"},
	    {"</n>; title=\"a,b;c\\\"d\"; rel=\"last next\"", "/n"},
	    {"<https://h/x,y;z>; rel=next", "https://h/x,y;z"},
	    {"</p>; rel=\"prev\"", NULL},
	    {"</p>; rel=\"nextish\"", NULL},
	    {"</p>; title=\"rel=next\"", NULL},
	    {"</p>", NULL},
	    {"</p; rel=next", NULL},
	    {"garbage", NULL},
	    {"", NULL},
	    {",,,", NULL},
	    {"<>; rel=next", ""},
	    {"/v2/a/tags/list?last=b&n=1; rel=\"next\"", "/v2/a/tags/list?last=b&n=1"},
	    {"/p;rel=prev, /n;rel=next", "/n"},
	    {"; rel=next", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct header_list h = HEADER_LIST_INIT;
		autofree char *next = NULL;
		char line[256];

		snprintf(line, sizeof(line), "Link: %s\r\n", cases[i].value);
		print_message("  %s\n", cases[i].value);
		add(&h, line);
		assert_int_equal(header_link_next(&h, &next, NULL), 0);
		if (cases[i].want)
			assert_string_equal(next, cases[i].want);
		else
			assert_null(next);
		header_clear(&h);
	}
}

static void what_is_no_coding_encodes_nothing(void **state)
{
	static const struct {
		const char *value;
		bool want;
	} cases[] = {
	    {"", false},
	    {"identity", false},
	    {"aws-chunked", false},
	    {"utf-8", false},
	    {"binary", false},
	    {"gzip", true},
	    {"X-GZip", true},
	    {"aws-chunked,gzip", true},
	    {"identity, br", true},
	    {"gzipped", false},
	    {"zstd", true},
	};
	struct header_list h = HEADER_LIST_INIT;

	(void)state;
	assert_false(header_is_encoded(&h));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char line[64];

		snprintf(line, sizeof(line), "Content-Encoding: %s", cases[i].value);
		print_message("  %s\n", line);
		add(&h, line);
		assert_int_equal(header_is_encoded(&h), cases[i].want);
		header_clear(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_found_without_regard_to_case),
	    cmocka_unit_test(controls_are_refused),
	    cmocka_unit_test(content_ranges_are_read_strictly),
	    cmocka_unit_test(a_416_tells_the_size),
	    cmocka_unit_test(numbers_are_digits),
	    cmocka_unit_test(the_next_page_is_found_among_links),
	    cmocka_unit_test(what_is_no_coding_encodes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

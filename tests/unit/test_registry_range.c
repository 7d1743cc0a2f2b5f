/* SPDX-License-Identifier: MIT */
/* Ranges of blobs: what is an answer to one, and what starts over. */
#include "blob_fetch.h"

#define MIDDLE ((struct byte_range){100000, 100100})

static void an_offset_at_the_end_asks_nobody(void **state)
{
	struct outcome o = fetch(STEPS({.head = OK NOTHING}), SIZE, SIZE);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, SIZE);
	assert_int_equal(o.served, 0);
}

static void an_offset_is_a_range(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = PART "Content-Length: 162144\r\n"
				      "Content-Range: bytes 100000-262143/262144\r\n",
			 .from = 100000,
			 .to = SIZE}),
		  SIZE, 100000);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 100000);
	assert_int_equal(o.good, SIZE - 100000);
}

static void an_ignored_range_starts_at_the_beginning(void **state)
{
	struct outcome o = fetch(STEPS({.head = OK LENGTH, .to = SIZE}), SIZE, 100000);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 0);
	assert_int_equal(o.restarts, 0);
	assert_int_equal(o.good, SIZE);
}

static void a_range_ends_before_the_blob_does(void **state)
{
	struct outcome o =
	    fetch_range(STEPS({.head = PART "Content-Length: 100\r\n"
					    "Content-Range: bytes 100000-100099/262144\r\n",
			       .from = 100000,
			       .to = 100050,
			       .end = SCRIPT_CLOSE},
			      {.head = PART "Content-Length: 50\r\n"
					    "Content-Range: bytes 100050-100099/262144\r\n",
			       .from = 100050,
			       .to = 100100}),
			SIZE, MIDDLE);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 100000);
	assert_int_equal(o.comes.end, 100100);
	assert_int_equal(o.good, 100);
	assert_int_equal(o.served, 2);
}

static void all_comes_where_a_range_is_ignored(void **state)
{
	struct outcome o =
	    fetch_range(STEPS({.head = OK LENGTH, .to = SIZE}), SIZE, (struct byte_range){0, 100});

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 0);
	assert_int_equal(o.comes.end, SIZE);
	assert_int_equal(o.good, SIZE);
}

static void more_than_the_range_is_refused(void **state)
{
	struct outcome o =
	    fetch_range(STEPS({.head = PART "Content-Length: 101\r\n"
					    "Content-Range: bytes 100000-100100/262144\r\n",
			       .from = 100000,
			       .to = 100101}),
			SIZE, MIDDLE);

	(void)state;
	assert_int_equal(o.code, -EPROTO);
	o = fetch_range(STEPS({.head = OK NOTHING}), SIZE, (struct byte_range){5, SIZE + 1});
	assert_int_equal(o.code, -EINVAL);
	assert_int_equal(o.served, 0);
}

static void a_range_that_is_ignored_after_a_cut_is_told(void **state)
{
	struct outcome o = fetch(STEPS({.head = OK LENGTH, .to = 100000, .end = SCRIPT_CLOSE},
				       {.head = OK LENGTH, .to = SIZE}),
				 SIZE, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.restarts, 1);
	assert_int_equal(o.good, SIZE);
}

static void answers_that_are_not_what_was_asked_for_are_refused(void **state)
{
	static const struct {
		const char *what, *head;
		int code;
	} cases[] = {
	    {"no Content-Range", PART "Content-Length: 162144\r\n", -EPROTO},
	    {"from elsewhere",
	     PART "Content-Length: 162144\r\nContent-Range: bytes 99999-262142/262144\r\n",
	     -EPROTO},
	    {"beyond the end",
	     PART "Content-Length: 162145\r\nContent-Range: bytes 100000-262144/*\r\n", -EPROTO},
	    {"of another size",
	     PART "Content-Length: 162144\r\nContent-Range: bytes 100000-262143/262145\r\n",
	     -EBADMSG},
	    {"less than asked for",
	     PART "Content-Length: 10\r\nContent-Range: bytes 100000-100009/262144\r\n", -EPROTO},
	    {"malformed", PART "Content-Length: 162144\r\nContent-Range: bytes 100000-262143\r\n",
	     -EPROTO},
	    {"multipart",
	     PART "Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 162144\r\n"
		  "Content-Range: bytes 100000-262143/262144\r\n",
	     -EPROTO},
	    {"416", "HTTP/1.1 416 Nope\r\nContent-Range: bytes */262144\r\n" NOTHING, -EPROTO},
	    {"416 of another size", "HTTP/1.1 416 Nope\r\nContent-Range: bytes */5\r\n" NOTHING,
	     -EBADMSG},
	    {"204", "HTTP/1.1 204 No Content\r\n", -EPROTO},
	    {"encoded",
	     PART "Content-Encoding: gzip\r\nContent-Length: 162144\r\n"
		  "Content-Range: bytes 100000-262143/262144\r\n",
	     -EPROTO},
	    {"all, of another size", OK "Content-Length: 262145\r\n", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct outcome o = fetch(
		    STEPS({.head = cases[i].head, .from = 100000, .to = 100010}), SIZE, 100000);

		print_message("  %s: %s\n", cases[i].what, o.err.text);
		assert_int_equal(o.code, cases[i].code);
		assert_int_equal(o.served, 1);
		assert_non_null(strstr(o.err.text, "blob " DIGEST " of localhost:"));
	}
}

static void a_part_of_what_was_asked_for_whole_is_refused(void **state)
{
	struct outcome o = fetch(
	    STEPS({.head = PART LENGTH "Content-Range: bytes 0-262143/262144\r\n", .to = SIZE}),
	    SIZE, 0);

	(void)state;
	assert_int_equal(o.code, -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_offset_at_the_end_asks_nobody),
	    cmocka_unit_test(an_offset_is_a_range),
	    cmocka_unit_test(an_ignored_range_starts_at_the_beginning),
	    cmocka_unit_test(a_range_ends_before_the_blob_does),
	    cmocka_unit_test(all_comes_where_a_range_is_ignored),
	    cmocka_unit_test(more_than_the_range_is_refused),
	    cmocka_unit_test(a_range_that_is_ignored_after_a_cut_is_told),
	    cmocka_unit_test(answers_that_are_not_what_was_asked_for_are_refused),
	    cmocka_unit_test(a_part_of_what_was_asked_for_whole_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

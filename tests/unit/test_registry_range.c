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

static void more_than_the_range_is_not_used(void **state)
{
	struct outcome o =
	    fetch_range(STEPS({.head = PART "Content-Length: 101\r\n"
					    "Content-Range: bytes 100000-100100/262144\r\n",
			       .from = 100000,
			       .to = 100101},
			      {.head = OK LENGTH, .to = SIZE}),
			SIZE, MIDDLE);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 0);
	assert_int_equal(o.good, SIZE);
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

/* Answers to a range from 100000 on that are none. */
static const struct {
	const char *what, *head;
} odd[] = {
    {"no Content-Range", PART "Content-Length: 162144\r\n"},
    {"from elsewhere",
     PART "Content-Length: 162144\r\nContent-Range: bytes 99999-262142/262144\r\n"},
    {"beyond the end", PART "Content-Length: 162145\r\nContent-Range: bytes 100000-262144/*\r\n"},
    {"of another size",
     PART "Content-Length: 162144\r\nContent-Range: bytes 100000-262143/262145\r\n"},
    {"of another length than it says",
     PART "Content-Length: 10\r\nContent-Range: bytes 100000-262143/262144\r\n"},
    {"malformed", PART "Content-Length: 162144\r\nContent-Range: bytes 100000-262143\r\n"},
    {"one part of a multipart",
     PART "Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 162144\r\n"
	  "Content-Range: bytes 100000-262143/262144\r\n"},
    {"multipart", PART "Content-Type: multipart/byteranges; boundary=x\r\n"
		       "Content-Length: 162300\r\n"},
    {"416", "HTTP/1.1 416 Nope\r\nContent-Range: bytes */262144\r\n" NOTHING},
    {"416 of another size", "HTTP/1.1 416 Nope\r\nContent-Range: bytes */5\r\n" NOTHING},
    {"416 of no size", "HTTP/1.1 416 Nope\r\n" NOTHING},
    {"204", "HTTP/1.1 204 No Content\r\n"},
    {"encoded", PART "Content-Encoding: gzip\r\nContent-Length: 162144\r\n"
		     "Content-Range: bytes 100000-262143/262144\r\n"},
};

static void after_an_odd_answer_all_is_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct outcome o = fetch(STEPS({.head = odd[i].head, .end = SCRIPT_CLOSE},
					       {.head = OK LENGTH, .to = SIZE}),
					 SIZE, 100000);

		print_message("  %s: %s\n", odd[i].what, o.err.text);
		assert_int_equal(o.code, 0);
		assert_int_equal(o.comes.first, 0);
		assert_int_equal(o.good, SIZE);
		assert_int_equal(o.served, 2);
	}
}

static void an_odd_answer_in_the_middle_is_told(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = OK LENGTH, .to = 100000, .end = SCRIPT_CLOSE},
			{.head = "HTTP/1.1 416 Nope\r\nContent-Range: bytes */262144\r\n" NOTHING},
			{.head = OK LENGTH, .to = SIZE}),
		  SIZE, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.restarts, 1);
	assert_int_equal(o.good, SIZE);
	assert_int_equal(o.served, 3);
}

static void odd_answers_come_to_an_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct outcome o = fetch(STEPS({.head = odd[i].head, .end = SCRIPT_CLOSE},
					       {.head = odd[i].head, .end = SCRIPT_CLOSE}),
					 SIZE, 100000);

		print_message("  %s: %s\n", odd[i].what, o.err.text);
		assert_true(o.code == -EPROTO || o.code == -EBADMSG);
		assert_int_equal(o.served, 2);
		assert_non_null(strstr(o.err.text, "blob " DIGEST " of localhost:"));
	}
}

static void all_of_another_size_is_refused(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = OK "Content-Length: 262145\r\n", .to = 10}), SIZE, 100000);

	(void)state;
	assert_int_equal(o.code, -EBADMSG);
	assert_int_equal(o.served, 1);
}

static void a_part_that_is_short_is_gone_on_from(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = PART "Content-Length: 2000\r\n"
				      "Content-Range: bytes 100000-101999/262144\r\n",
			 .from = 100000,
			 .to = 102000},
			{.head = PART "Content-Range: bytes 102000-261999/*\r\n",
			 .from = 102000,
			 .to = 262000,
			 .end = SCRIPT_CLOSE},
			{.head = PART "Content-Length: 144\r\n"
				      "Content-Range: bytes 262000-262143/262144\r\n",
			 .from = 262000,
			 .to = SIZE}),
		  SIZE, 100000);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.comes.first, 100000);
	assert_int_equal(o.restarts, 0);
	assert_int_equal(o.good, SIZE - 100000);
	assert_int_equal(o.served, 3);
	assert_int_equal(o.stats.retries, 0);
}

static void parts_that_are_tiny_come_to_an_end(void **state)
{
	struct script_step steps[20];
	char heads[20][128];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(heads[i], sizeof(heads[i]),
			 PART "Content-Length: 1\r\nContent-Range: bytes %u-%u/262144\r\n",
			 100000 + i, 100000 + i);
		steps[i] =
		    (struct script_step){.head = heads[i], .from = 100000 + i, .to = 100001 + i};
	}

	struct outcome o = fetch(steps, 20, SIZE, 100000);

	assert_int_equal(o.code, -EPROTO);
	assert_int_equal(o.served, 5);
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
	    cmocka_unit_test(more_than_the_range_is_not_used),
	    cmocka_unit_test(a_range_that_is_ignored_after_a_cut_is_told),
	    cmocka_unit_test(after_an_odd_answer_all_is_asked_for),
	    cmocka_unit_test(an_odd_answer_in_the_middle_is_told),
	    cmocka_unit_test(odd_answers_come_to_an_end),
	    cmocka_unit_test(all_of_another_size_is_refused),
	    cmocka_unit_test(a_part_that_is_short_is_gone_on_from),
	    cmocka_unit_test(parts_that_are_tiny_come_to_an_end),
	    cmocka_unit_test(a_part_of_what_was_asked_for_whole_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "fs/fuse/readers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define VIEW 3
#define STEP (64u << 10) /* bytes of a READ */

/* A READ; where the stream moves, it moves behind it, and its whole window is stored at once. */
static struct stream *ask(struct readers *r, pid_t pid, uint32_t layer, uint64_t archive)
{
	struct stream *s = readers_find(r, VIEW, layer, pid);

	if (readers_follow(r, s, archive, STEP, false)) {
		s->from = archive + STEP;
		s->archive = s->from + s->left;
		s->met = s->lost = 0;
		s->left = 0;
	}
	return s;
}

/* One that reads what was stored from the cache: its READs come at the end of it. */
static struct stream *read_with_use(struct readers *r, pid_t pid, uint32_t layer, unsigned times)
{
	struct stream *s = readers_find(r, VIEW, layer, pid);

	while (times--)
		s = ask(r, pid, layer, s->archive);
	return s;
}

static void each_window_that_is_used_doubles_the_next(void **state)
{
	struct readers r = {0};

	(void)state;
	assert_int_equal(read_with_use(&r, 1, 0, 1)->window, 0);
	assert_int_equal(read_with_use(&r, 1, 0, 1)->window, READERS_WINDOW_MIN);
	assert_int_equal(read_with_use(&r, 1, 0, 1)->window, 2 * READERS_WINDOW_MIN);
	assert_int_equal(read_with_use(&r, 1, 0, 20)->window, READERS_WINDOW_MAX);
}

static void who_asks_for_what_was_stored_has_no_window_in_any_layer(void **state)
{
	struct readers r = {0};
	struct stream *s, *other;

	(void)state;
	other = read_with_use(&r, 1, 1, 4);
	assert_true(other->window > 0 && other->trust > 0);
	s = read_with_use(&r, 1, 0, 2);
	ask(&r, 1, 0, s->from);
	assert_int_equal(s->window + s->trust, 0);
	assert_int_equal(other->window + other->trust, 0);
	assert_int_equal(read_with_use(&r, 1, 2, 5)->window, 0);
}

static void the_next_try_comes_after_doubt_min_bytes_and_then_after_twice_as_many(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 2);

	(void)state;
	for (size_t doubt = READERS_DOUBT_MIN; doubt <= READERS_DOUBT_MIN << 5; doubt *= 2) {
		ask(&r, 1, 0, s->from);
		read_with_use(&r, 1, 0, doubt / STEP);
		assert_int_equal(s->window, 0);
		read_with_use(&r, 1, 0, 1);
		assert_int_equal(s->window, READERS_WINDOW_MIN);
	}
}

static void a_doubt_is_forgiven_by_use(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 2);

	(void)state;
	for (int i = 0; i < 3; i++) {
		ask(&r, 1, 0, s->from);
		read_with_use(&r, 1, 0, s->doubt / STEP + 1);
	}
	assert_int_equal(s->penalty, READERS_DOUBT_MIN << 2);
	read_with_use(&r, 1, 0, 30);
	assert_int_equal(s->window, READERS_WINDOW_MAX);
	assert_int_equal(s->penalty, 0);
}

static void a_few_pages_that_got_lost_end_nothing(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 6);
	size_t window = s->window;

	(void)state;
	assert_true(window >= 16 * STEP);
	for (uint64_t at = s->from; at < s->archive; at += 4 * STEP)
		ask(&r, 1, 0, at);
	assert_int_equal(s->window, window);
	assert_int_equal(read_with_use(&r, 1, 0, 1)->window, 2 * window);
	for (uint64_t at = s->from; s->doubt == 0; at += STEP) {
		assert_true(at < s->archive);
		ask(&r, 1, 0, at);
	}
	assert_int_equal(s->window, 0);
}

static void who_is_faster_than_the_storing_keeps_the_window(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 3);
	size_t window = s->window;

	(void)state;
	for (uint64_t at = s->from; at < s->archive; at += STEP)
		assert_false(readers_follow(&r, s, at, STEP, true));
	assert_int_equal(s->window, window);
	assert_int_equal(s->doubt, 0);
}

static void who_leaves_the_smallest_window_reads_as_much_before_the_next(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 2);

	(void)state;
	ask(&r, 1, 0, s->archive + (10u << 20));
	assert_int_equal(s->window, 0);
	read_with_use(&r, 1, 0, READERS_WINDOW_MIN / STEP);
	assert_int_equal(s->window, 0);
	assert_int_equal(read_with_use(&r, 1, 0, 1)->window, READERS_WINDOW_MIN);
}

static void the_next_process_takes_over_what_is_left_of_the_doubt(void **state)
{
	struct readers r = {0};
	struct stream *s = read_with_use(&r, 1, 0, 2);

	(void)state;
	for (int i = 0; i < 4; i++) {
		ask(&r, 1, 0, s->from);
		read_with_use(&r, 1, 0, s->doubt / STEP + 1);
	}
	ask(&r, 1, 0, s->from);
	assert_true(s->doubt > READERS_DOUBT_MIN);
	s = read_with_use(&r, 2, 0, 3);
	assert_int_equal(s->doubt, READERS_DOUBT_MIN - 2 * STEP);
	s = read_with_use(&r, 3, 0, READERS_DOUBT_MIN / STEP);
	assert_int_equal(s->window, READERS_WINDOW_MIN);
	/* … and one who reads elsewhere has nothing to do with it. */
	assert_int_equal(readers_find(&r, VIEW + 1, 0, 2)->doubt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_window_that_is_used_doubles_the_next),
	    cmocka_unit_test(who_asks_for_what_was_stored_has_no_window_in_any_layer),
	    cmocka_unit_test(the_next_try_comes_after_doubt_min_bytes_and_then_after_twice_as_many),
	    cmocka_unit_test(a_doubt_is_forgiven_by_use),
	    cmocka_unit_test(a_few_pages_that_got_lost_end_nothing),
	    cmocka_unit_test(who_is_faster_than_the_storing_keeps_the_window),
	    cmocka_unit_test(who_leaves_the_smallest_window_reads_as_much_before_the_next),
	    cmocka_unit_test(the_next_process_takes_over_what_is_left_of_the_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* How much of a blob is fetched, for whom. */
#include "fs/tree/fetch_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SIZE (64u << 20) /* of the blob */
#define KIB  1024u

static struct fetch_plan *plan;
static const struct digest blob = {.algorithm = DIGEST_SHA256, .bytes = {1}};

static int setup_plan(void **state)
{
	(void)state;
	return fetch_plan_open(UINT64_MAX, &plan, NULL);
}

static int teardown_plan(void **state)
{
	(void)state;
	fetch_plan_close(plan);
	return 0;
}

struct planned {
	struct planned_fetch *fetch, *ahead;
};

static struct planned want(uint64_t first, uint64_t end)
{
	struct planned p;

	assert_int_equal(fetch_plan_make(plan, &blob, SIZE, (struct byte_range){first, end},
					 &p.fetch, &p.ahead, NULL),
			 0);
	return p;
}

static void assert_range(const struct planned_fetch *f, uint64_t first, uint64_t end)
{
	struct byte_range r = planned_fetch_range(plan, f);

	assert_int_equal(r.first, first);
	assert_int_equal(r.end, end);
}

static void done(struct planned p)
{
	planned_fetch_put(plan, p.fetch);
	planned_fetch_put(plan, p.ahead);
}

static void who_picks_gets_what_he_asked_for(void **state)
{
	static const uint64_t places[] = {0, 40 << 20, 1000, 20 << 20, 30 << 20, 29 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct planned p = want(places[i], places[i] + 5000);

		assert_range(p.fetch, places[i], places[i] + 5000);
		assert_null(p.ahead);
		done(p);
	}
}

static void what_lies_beside_one_that_waits_joins_it(void **state)
{
	struct planned a = want(200 * KIB, 210 * KIB), b = want(150 * KIB, 160 * KIB);
	struct planned far = want(400 * KIB, 410 * KIB), late, within;

	(void)state;
	assert_ptr_equal(a.fetch, b.fetch);
	assert_range(a.fetch, 150 * KIB, 210 * KIB);
	assert_range(far.fetch, 400 * KIB, 410 * KIB);
	assert_int_not_equal(planned_fetch_number(a.fetch), planned_fetch_number(far.fetch));
	assert_int_equal(planned_fetch_begin(plan, a.fetch).first, 150 * KIB);
	late = want(140 * KIB, 145 * KIB);
	assert_range(late.fetch, 140 * KIB, 145 * KIB);
	within = want(205 * KIB, 206 * KIB);
	assert_ptr_equal(within.fetch, a.fetch);
	done(a);
	done(b);
	done(far);
	done(late);
	done(within);
	assert_false(fetch_plan_busy(plan));
}

/* Each time twice as much, and the next window is under way before it is asked for. */
static void who_reads_on_gets_more(void **state)
{
	uint64_t at = 0, fetched = 0, asked = 0;

	(void)state;
	for (int i = 0; at < SIZE; i++) {
		struct planned p = want(at, at + 10 * KIB < SIZE ? at + 10 * KIB : SIZE);
		struct byte_range r = planned_fetch_range(plan, p.fetch);

		assert_int_equal(r.first, at);
		assert_true(r.end - r.first <= 8u << 20);
		if (i > 2 && r.end < SIZE)
			assert_non_null(p.ahead);
		at = p.ahead ? planned_fetch_range(plan, p.ahead).end : r.end;
		fetched += at - r.first;
		asked++;
		done(p);
	}
	assert_int_equal(fetched, SIZE);
	assert_true(asked < 16);
}

static void what_is_under_way_is_not_fetched_twice(void **state)
{
	struct planned first, again, on;

	(void)state;
	first = want(0, 100 * KIB);
	again = want(50 * KIB, 60 * KIB);
	assert_ptr_equal(again.fetch, first.fetch);
	assert_null(again.ahead);
	done(first);
	on = want(99 * KIB, 110 * KIB); /* the other one still waits for it */
	assert_ptr_equal(on.fetch, again.fetch);
	done(on);
	done(again);
	on = want(99 * KIB, 110 * KIB); /* nobody does: what was dropped is fetched again */
	assert_range(on.fetch, 99 * KIB, 110 * KIB);
	done(on);
}

static void after_a_failure_only_what_is_missing_is_asked_for(void **state)
{
	struct planned p;

	(void)state;
	done(want(0, 100 * KIB));
	p = want(100 * KIB, 110 * KIB);
	assert_range(p.fetch, 100 * KIB, 356 * KIB);
	planned_fetch_failed(plan, p.fetch);
	done(p);
	p = want(100 * KIB, 110 * KIB);
	assert_range(p.fetch, 100 * KIB, 110 * KIB);
	done(p);
}

static void a_window_keeps_to_its_limit(void **state)
{
	uint64_t at = 0, most = 0;

	(void)state;
	fetch_plan_close(plan);
	assert_int_equal(fetch_plan_open(300 * KIB, &plan, NULL), 0);
	while (at < SIZE) {
		struct planned p = want(at, at + KIB);
		struct byte_range r = planned_fetch_range(plan, p.fetch);

		most = r.end - r.first > most ? r.end - r.first : most;
		at = p.ahead ? planned_fetch_range(plan, p.ahead).end : r.end;
		done(p);
	}
	assert_int_equal(most, 300 * KIB);
}

static void what_is_coming_is_counted(void **state)
{
	struct planned first, far;

	(void)state;
	assert_int_equal(fetch_plan_coming(plan, &blob), 0);
	first = want(0, 100 * KIB);
	far = want(1000 * KIB, 1001 * KIB);
	assert_int_equal(fetch_plan_coming(plan, &blob), 101 * KIB);
	done(first);
	assert_int_equal(fetch_plan_coming(plan, &blob), KIB);
	done(far);
	assert_int_equal(fetch_plan_coming(plan, &blob), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_plan, teardown_plan)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_picks_gets_what_he_asked_for),
	    TEST(what_lies_beside_one_that_waits_joins_it),
	    TEST(who_reads_on_gets_more),
	    TEST(what_is_under_way_is_not_fetched_twice),
	    TEST(after_a_failure_only_what_is_missing_is_asked_for),
	    TEST(a_window_keeps_to_its_limit),
	    TEST(what_is_coming_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

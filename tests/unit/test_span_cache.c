/* SPDX-License-Identifier: MIT */
#include "store/layer/span_cache.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/until.h"

#define LEN    100000
#define MEMORY (128 << 10) /* what a span of that length takes */

/* A span of bytes that tell its number. */
struct source {
	uint8_t byte;
	int fails;   /* an errno, or 0 */
	bool pieces; /* no more than is wanted */
	/* What decoding waits for. */
	bool (*hold)(struct source *s);
	struct span_cache *cache;
	int readers; /* in all */
	atomic_int decoded;
	atomic_int at_once, at_once_max;
};

static void note_at_once(struct source *s, int now)
{
	int max = s->at_once_max;

	while (now > max && !atomic_compare_exchange_weak(&s->at_once_max, &max, now))
		;
}

/* All at once where `pieces` is not set. */
static ssize_t fill(void *arg, void **state, void *data, size_t wanted, struct err *err)
{
	struct source *s = arg;
	size_t *have = *state = *state ? *state : calloc(1, sizeof(*have));

	note_at_once(s, ++s->at_once);
	s->decoded++;
	if (s->hold)
		UNTIL(s->hold(s));
	assert_true(wanted > *have);
	wanted = s->pieces ? wanted : LEN;
	memset((char *)data + *have, s->byte, wanted - *have);
	*have = wanted;
	s->at_once--;
	return s->fails ? err_set(err, s->fails, "spoilt") : (ssize_t)wanted;
}

static const struct span_ops ops = {fill, free};

static struct span_key key(uint64_t number)
{
	return (struct span_key){.layer = "layer", .number = number, .len = LEN};
}

static struct cached_span *get(struct span_cache *c, struct source *s)
{
	struct span_key k = key(s->byte);
	struct cached_span *span;
	bool begun;
	struct err err;

	uint64_t misses = span_cache_misses(c);

	assert_int_equal(span_cache_get(c, &k, LEN, &ops, s, &span, &begun, &err), 0);
	assert_int_equal(begun, span_cache_misses(c) > misses);
	assert_int_equal(cached_span_data(span)[0], s->byte);
	assert_int_equal(cached_span_data(span)[LEN - 1], s->byte);
	return span;
}

static void a_span_is_decoded_once_while_it_fits(void **state)
{
	struct span_cache *c = span_cache_new(3 * MEMORY);
	struct source s[5] = {{.byte = 0}, {.byte = 1}, {.byte = 2}, {.byte = 3}, {.byte = 4}};

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			span_cache_put(c, get(c, &s[i]), false);
	}
	assert_int_equal(span_cache_hits(c), 6);
	assert_int_equal(span_cache_misses(c), 3);

	span_cache_put(c, get(c, &s[0]), false); /* 1 is now the one not used for longest */
	span_cache_put(c, get(c, &s[3]), false);
	span_cache_put(c, get(c, &s[0]), false);
	assert_int_equal(s[0].decoded, 1);
	span_cache_put(c, get(c, &s[1]), false);
	assert_int_equal(s[1].decoded, 2);
	span_cache_free(c);
}

static void a_span_in_use_stays(void **state)
{
	struct span_cache *c = span_cache_new(2 * MEMORY);
	struct source s[9];
	struct cached_span *used;

	(void)state;
	memset(s, 0, sizeof(s));
	for (int i = 0; i < 9; i++)
		s[i].byte = (uint8_t)i;
	used = get(c, &s[0]);
	for (int i = 1; i < 9; i++)
		span_cache_put(c, get(c, &s[i]), false);
	assert_int_equal(cached_span_data(used)[LEN / 2], 0);
	span_cache_put(c, get(c, &s[0]), false);
	assert_int_equal(s[0].decoded, 1);
	span_cache_put(c, used, false);
	span_cache_free(c);
}

struct reader {
	pthread_t thread;
	struct span_cache *cache;
	struct source *source;
	uint64_t number;
	int rc;
	struct err err;
};

static void *read_span(void *arg)
{
	struct reader *r = arg;
	struct span_key k = key(r->number);
	struct cached_span *span;
	bool begun;

	r->rc = span_cache_get(r->cache, &k, LEN, &ops, r->source, &span, &begun, &r->err);
	if (r->rc == 0)
		span_cache_put(r->cache, span, false);
	return NULL;
}

static void run_readers(struct reader *readers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_span, &readers[i]),
				 0);
	for (size_t i = 0; i < n; i++)
		pthread_join(readers[i].thread, NULL);
}

/* All others wait for the one who decodes. */
static bool all_have_come(struct source *s)
{
	return span_cache_hits(s->cache) == (uint64_t)s->readers - 1;
}

static void readers_of_one_missing_span_decode_it_once(void **state)
{
	struct span_cache *c = span_cache_new(LEN);
	struct source s = {.byte = 7, .cache = c, .readers = 8, .hold = all_have_come};
	struct reader readers[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		readers[i] = (struct reader){.cache = c, .source = &s, .number = 7};
	run_readers(readers, 8);
	assert_int_equal(s.decoded, 1);
	for (int i = 0; i < 8; i++)
		assert_int_equal(readers[i].rc, 0);
	span_cache_free(c);
}

static void an_error_reaches_all_who_wait_and_is_not_kept(void **state)
{
	struct span_cache *c = span_cache_new(LEN);
	struct source s = {
	    .byte = 7, .fails = EBADMSG, .cache = c, .readers = 4, .hold = all_have_come};
	struct reader readers[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		readers[i] = (struct reader){.cache = c, .source = &s, .number = 7};
	run_readers(readers, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(readers[i].rc, -EBADMSG);
		assert_string_equal(readers[i].err.text, "spoilt");
	}
	s.fails = 0;
	s.hold = NULL;
	span_cache_put(c, get(c, &s), false);
	span_cache_free(c);
}

static int turns(const struct source *s)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) + 1;

	return n < s->readers ? (int)n : s->readers;
}

/* As many decode as may, and the others want to. */
static bool all_turns_are_taken(struct source *s)
{
	return s->at_once_max >= turns(s) && span_cache_misses(s->cache) == (uint64_t)s->readers;
}

static void no_more_decode_side_by_side_than_processors_and_one(void **state)
{
	struct span_cache *c = span_cache_new(100 * LEN);
	struct source s = {.byte = 7, .cache = c, .readers = 16, .hold = all_turns_are_taken};
	struct reader readers[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		readers[i] = (struct reader){.cache = c, .source = &s, .number = (uint64_t)i};
	run_readers(readers, 16);
	assert_int_equal(s.decoded, 16);
	assert_int_equal(s.at_once_max, turns(&s));
	span_cache_free(c);
}

static void get_part(struct span_cache *c, struct source *s, size_t wanted)
{
	struct span_key k = key(s->byte);
	struct cached_span *span;
	bool begun;
	struct err err;

	assert_int_equal(span_cache_get(c, &k, wanted, &ops, s, &span, &begun, &err), 0);
	for (size_t i = 0; i < wanted; i++)
		assert_int_equal(cached_span_data(span)[i], s->byte);
	span_cache_put(c, span, false);
}

static void a_span_is_decoded_as_far_as_it_is_wanted(void **state)
{
	struct span_cache *c = span_cache_new(MEMORY);
	struct source s = {.byte = 7, .pieces = true}, other = {.byte = 8};

	(void)state;
	get_part(c, &s, 10);
	assert_int_equal(s.decoded, 1);
	get_part(c, &s, 10);
	get_part(c, &s, 3);
	assert_int_equal(s.decoded, 1);
	get_part(c, &s, LEN / 2);
	get_part(c, &s, LEN);
	get_part(c, &s, LEN);
	assert_int_equal(s.decoded, 3);
	assert_int_equal(span_cache_misses(c), 1);
	get_part(c, &other, 1); /* the first one goes, and comes again */
	get_part(c, &s, 10);
	assert_int_equal(s.decoded, 4);
	get_part(c, &other, 1); /* in the middle of it */
	span_cache_free(c);
}

static void a_span_that_was_read_to_its_end_goes_first(void **state)
{
	struct span_cache *c = span_cache_new(2 * MEMORY);
	struct source s[3] = {{.byte = 0}, {.byte = 1}, {.byte = 2}};

	(void)state;
	span_cache_put(c, get(c, &s[0]), false);
	span_cache_put(c, get(c, &s[1]), true);
	span_cache_put(c, get(c, &s[2]), false);
	span_cache_put(c, get(c, &s[0]), false);
	assert_int_equal(s[0].decoded, 1);
	span_cache_put(c, get(c, &s[1]), false);
	assert_int_equal(s[1].decoded, 2);
	span_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_span_is_decoded_once_while_it_fits),
	    cmocka_unit_test(a_span_in_use_stays),
	    cmocka_unit_test(a_span_is_decoded_as_far_as_it_is_wanted),
	    cmocka_unit_test(a_span_that_was_read_to_its_end_goes_first),
	    cmocka_unit_test(readers_of_one_missing_span_decode_it_once),
	    cmocka_unit_test(an_error_reaches_all_who_wait_and_is_not_kept),
	    cmocka_unit_test(no_more_decode_side_by_side_than_processors_and_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

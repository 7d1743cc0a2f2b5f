/* SPDX-License-Identifier: MIT */
#include "fs/core/events.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/scratch.h"

#define MANY 40000 /* take more than is kept */

static struct scratch dir;
static struct store *store;
static struct events *events;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return store_open(dir.path, &store, NULL) || events_open(store, &events, NULL);
}

static int teardown(void **state)
{
	(void)state;
	events_close(events);
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

static void add(int from, int to)
{
	char subject[128];

	for (int i = from; i < to; i++) {
		snprintf(subject, sizeof(subject), "%d-%*d", i, 20 + i % 50, i);
		events_add(events, "pull", subject, 0, NULL);
	}
}

/* All that the reader has, in pieces of an odd size. */
static void read_all(const struct events_reader *r, struct buf *out)
{
	size_t before;

	do {
		before = out->len;
		assert_int_equal(events_read(events, r, out->len, 60001, out, NULL), 0);
	} while (out->len > before);
	assert_int_equal(out->len, events_size(events, r));
}

/* Each line but the first is an event, one behind the other, up to the last. */
static void assert_events(const char *text, int first, int end)
{
	char wanted[64];

	for (int i = first; i < end; i++) {
		snprintf(wanted, sizeof(wanted), "\"subject\":\"%d-", i);
		text = strstr(text, wanted);
		assert_non_null(text);
	}
	text = strchr(text, '\n');
	assert_non_null(text);
	assert_string_equal(text, "\n");
}

static void what_falls_out_is_counted(void **state)
{
	struct events_reader r;
	autobuf text = BUF_INIT;
	int lost;

	(void)state;
	add(0, MANY);
	events_begin(events, &r);
	read_all(&r, &text);
	assert_true(text.len <= EVENTS_KEPT + sizeof(r.said));
	assert_true(text.len > EVENTS_KEPT - 1000);
	assert_int_equal(
	    sscanf(text.data,
		   "{\"verb\":\"events\",\"subject\":\"\",\"status\":\"ok\",\"message\":\"%d "
		   "earlier events",
		   &lost),
	    1);
	assert_true(lost >= 1 && lost <= MANY - 1);
	assert_events(text.data, lost, MANY);
}

static void who_follows_sees_each_event_once(void **state)
{
	struct events_reader r;
	autobuf text = BUF_INIT;

	(void)state;
	events_begin(events, &r);
	for (int i = 0; i < MANY; i += 1000) {
		add(i, i + 1000);
		assert_int_equal(events_read(events, &r, text.len, EVENTS_KEPT, &text, NULL), 0);
	}
	assert_int_equal(text.len, events_size(events, &r));
	assert_events(text.data, 0, MANY);
}

static void who_comes_late_is_told(void **state)
{
	struct events_reader r;
	autobuf text = BUF_INIT;

	(void)state;
	events_begin(events, &r);
	add(0, MANY);
	read_all(&r, &text);
	assert_ptr_equal(strstr(text.data, "\n{\"verb\":\"events\""), text.data);
	assert_null(memchr(text.data, '\0', text.len));
	assert_events(text.data, MANY - 100, MANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_falls_out_is_counted),
	    TEST(who_follows_sees_each_event_once),
	    TEST(who_comes_late_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

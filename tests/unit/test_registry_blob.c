/* SPDX-License-Identifier: MIT */
/* Blobs as streams: what is resumed, what is refused, how it ends. */
#include "blob_fetch.h"

static void a_blob_comes_whole(void **state)
{
	struct outcome o = fetch(STEPS({.head = OK LENGTH, .to = SIZE}), SIZE, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.good, SIZE);
	assert_int_equal(o.served, 1);
	assert_int_equal(o.stats.bytes_received, SIZE);
	assert_int_equal(o.stats.errors, 0);
}

static void an_empty_blob_is_asked_for_and_ends(void **state)
{
	struct outcome o = fetch(STEPS({.head = OK NOTHING}), 0, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.served, 1);
}

static void cut_at(uint64_t at, enum script_end end)
{
	char head[256];
	struct outcome o;

	snprintf(head, sizeof(head),
		 PART "Content-Length: %llu\r\nContent-Range: bytes %llu-262143/262144\r\n",
		 (unsigned long long)(SIZE - at), (unsigned long long)at);
	/* Cut before the first byte: nothing is held, so all is asked for. */
	o = fetch(STEPS({.head = OK LENGTH, .to = at, .end = end},
			{.head = at ? head : OK LENGTH, .from = at, .to = SIZE}),
		  SIZE, 0);
	assert_int_equal(o.code, 0);
	assert_int_equal(o.restarts, 0);
	/* A reset may destroy what had been sent, and the rest is asked for from further back. */
	if (end == SCRIPT_CLOSE) {
		assert_int_equal(o.good, SIZE);
		assert_int_equal(o.served, 2);
	}
}

static void a_cut_is_resumed_where_it_was(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < SIZE; at += SIZE / 16 + 7)
		cut_at(at, SCRIPT_CLOSE);
}

static void cuts_before_the_answer_are_tried_again(void **state)
{
	struct outcome o = fetch(
	    STEPS({.end = SCRIPT_RESET}, {.end = SCRIPT_CLOSE}, {.head = OK LENGTH, .to = SIZE}),
	    SIZE, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.good, SIZE);
	assert_true(o.stats.retries > 0);
}

static void starting_over_for_ever_comes_to_an_end(void **state)
{
	const struct script_step cut = {.head = OK LENGTH, .to = 200000, .end = SCRIPT_CLOSE};
	struct outcome o = fetch(STEPS(cut, cut, cut, cut, cut, cut, cut, cut, cut, cut), SIZE, 0);

	(void)state;
	assert_true(o.code < 0);
	assert_true(o.served <= 6);
}

static void one_byte_too_much_is_refused(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = OK "Connection: close\r\n", .to = SIZE + 1, .end = SCRIPT_CLOSE}),
		  SIZE, 0);

	(void)state;
	assert_int_equal(o.code, -EBADMSG);
}

static void one_byte_too_few_is_refused(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = OK "Content-Length: 262143\r\n", .to = SIZE - 1}), SIZE, 0);

	(void)state;
	assert_int_equal(o.code, -EBADMSG);
	assert_non_null(strstr(o.err.text, "262143"));
}

static void a_body_that_ends_with_its_connection_is_enough(void **state)
{
	struct outcome o =
	    fetch(STEPS({.head = "HTTP/1.0 200 OK\r\n", .to = SIZE, .end = SCRIPT_CLOSE}), SIZE, 0);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.good, SIZE);
}

static void an_absent_blob_is_named(void **state)
{
	struct outcome o = fetch(STEPS({.head = "HTTP/1.1 404 Not Found\r\n" NOTHING}), SIZE, 0);

	(void)state;
	assert_int_equal(o.code, -ENOENT);
	assert_non_null(strstr(o.err.text, "blob " DIGEST " of localhost:"));
	assert_non_null(strstr(o.err.text, "not found"));
}

static void a_slow_reader_gets_everything(void **state)
{
	const uint64_t size = 12 << 20;
	static unsigned char data[1 << 20];
	struct script_server server;
	struct registry_stream *s;
	struct registry *r = open_client(NULL);
	struct byte_range comes;
	uint64_t at = 0;
	ssize_t n;

	(void)state;
	script_start(&server, STEPS({.head = OK "Content-Length: 12582912\r\n", .to = size}));
	struct ref ref = make_ref(&server, "@" DIGEST);

	assert_int_equal(
	    open_range(r, &ref, size, (struct byte_range){0, size}, NULL, &comes, &s, NULL), 0);
	while ((n = registry_stream_read(s, data, sizeof(data), NULL)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], script_byte(at + (uint64_t)i));
		at += (uint64_t)n;
		usleep(5000);
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, size);
	assert_int_equal(script_served(&server), 1);
	registry_stream_close(s);
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
}

static void a_cancel_ends_a_stalled_read_at_once(void **state)
{
	static unsigned char data[1 << 20];
	struct script_server server;
	struct registry_stream *s;
	struct registry *r = open_client(NULL);
	struct cancel cancel;
	struct later later = {.registry = r, .bytes = 1000, .cancel = &cancel};
	struct byte_range comes;
	ssize_t n;

	(void)state;
	cancel_init(&cancel);
	script_start(&server, STEPS({.head = OK LENGTH, .to = 1000, .end = SCRIPT_HANG}));
	struct ref ref = make_ref(&server, "@" DIGEST);

	assert_int_equal(open_range(r, &ref, SIZE, ALL, &cancel, &comes, &s, NULL), 0);
	later_start(&later);
	while ((n = registry_stream_read(s, data, sizeof(data), NULL)) > 0)
		;
	assert_int_equal(n, -EINTR);
	assert_true(later_was_soon(&later));
	later_join(&later);
	registry_stream_close(s);
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
	cancel_destroy(&cancel);
}

static void closing_the_client_ends_a_read(void **state)
{
	static unsigned char data[1 << 20];
	struct script_server server;
	struct registry_stream *s;
	struct registry *r = open_client(NULL);
	struct later later = {.registry = r, .bytes = 1000};
	struct byte_range comes;
	ssize_t n;

	(void)state;
	script_start(&server, STEPS({.head = OK LENGTH, .to = 1000, .end = SCRIPT_HANG}));
	struct ref ref = make_ref(&server, "@" DIGEST);

	assert_int_equal(open_range(r, &ref, SIZE, ALL, NULL, &comes, &s, NULL), 0);
	later_start(&later);
	while ((n = registry_stream_read(s, data, sizeof(data), NULL)) > 0)
		;
	assert_int_equal(n, -EINTR);
	assert_true(later_was_soon(&later));
	later_join(&later);
	assert_int_equal(registry_stream_read(s, data, sizeof(data), NULL), -EINTR);
	registry_stream_close(s);
	script_stop(&server);
	ref_clear(&ref);
}

struct restart {
	struct script_server server;
	unsigned port;
	struct later refused; /* after the cut it tries at once */
};

static void *restart_run(void *arg)
{
	struct restart *again = arg;

	UNTIL(later_is_due(&again->refused));
	script_start_at(&again->server, again->port);
	return NULL;
}

static void a_registry_that_starts_again_is_waited_for(void **state)
{
	static unsigned char data[1 << 20];
	const struct script_step first = {.head = OK LENGTH, .to = 100000, .end = SCRIPT_CLOSE};
	const struct script_step second = {.head =
					       PART "Content-Length: 162144\r\n"
						    "Content-Range: bytes 100000-262143/262144\r\n",
					   .from = 100000,
					   .to = SIZE};
	struct restart again = {.server = {.steps = &second, .count = 1}};
	struct script_server server;
	struct registry_stream *s;
	struct registry *r = open_client(NULL);
	pthread_t thread;
	struct byte_range comes;
	uint64_t total = 0;
	ssize_t n;

	(void)state;
	script_start(&server, &first, 1);
	struct ref ref = make_ref(&server, "@" DIGEST);

	again.port = server.port;
	again.refused = (struct later){.registry = r, .retries = 2};
	assert_int_equal(open_range(r, &ref, SIZE, ALL, NULL, &comes, &s, NULL), 0);
	script_stop(&server);
	pthread_create(&thread, NULL, restart_run, &again);
	while ((n = registry_stream_read(s, data, sizeof(data), NULL)) > 0)
		total += (uint64_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(total, SIZE);
	pthread_join(thread, NULL);
	registry_stream_close(s);
	registry_close(r);
	script_stop(&again.server);
	ref_clear(&ref);
}

struct side {
	pthread_t thread;
	struct registry *registry;
	struct ref *ref;
	struct outcome outcome;
};

static void *side_run(void *arg)
{
	struct side *side = arg;
	struct registry_stream *s = NULL;
	struct outcome *o = &side->outcome;
	unsigned char data[65536];
	ssize_t n;

	o->code = open_range(side->registry, side->ref, SIZE, ALL, NULL, &o->comes, &s, &o->err);
	while (o->code == 0 && (n = registry_stream_read(s, data, sizeof(data), &o->err)) > 0)
		o->good += (uint64_t)n;
	registry_stream_close(s);
	return NULL;
}

static void streams_run_side_by_side(void **state)
{
	struct script_step steps[16];
	struct script_server server;
	struct side sides[16];
	struct registry *r = open_client(NULL);

	(void)state;
	for (int i = 0; i < 16; i++)
		steps[i] = (struct script_step){.head = OK LENGTH, .to = SIZE};
	script_start(&server, steps, 16);
	struct ref ref = make_ref(&server, "@" DIGEST);

	for (int i = 0; i < 16; i++) {
		sides[i] = (struct side){.registry = r, .ref = &ref};
		pthread_create(&sides[i].thread, NULL, side_run, &sides[i]);
	}
	for (int i = 0; i < 16; i++) {
		pthread_join(sides[i].thread, NULL);
		assert_int_equal(sides[i].outcome.code, 0);
		assert_int_equal(sides[i].outcome.good, SIZE);
	}
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_blob_comes_whole),
	    cmocka_unit_test(an_empty_blob_is_asked_for_and_ends),
	    cmocka_unit_test(a_cut_is_resumed_where_it_was),
	    cmocka_unit_test(cuts_before_the_answer_are_tried_again),
	    cmocka_unit_test(starting_over_for_ever_comes_to_an_end),
	    cmocka_unit_test(one_byte_too_much_is_refused),
	    cmocka_unit_test(one_byte_too_few_is_refused),
	    cmocka_unit_test(a_body_that_ends_with_its_connection_is_enough),
	    cmocka_unit_test(an_absent_blob_is_named),
	    cmocka_unit_test(a_slow_reader_gets_everything),
	    cmocka_unit_test(a_cancel_ends_a_stalled_read_at_once),
	    cmocka_unit_test(closing_the_client_ends_a_read),
	    cmocka_unit_test(a_registry_that_starts_again_is_waited_for),
	    cmocka_unit_test(streams_run_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

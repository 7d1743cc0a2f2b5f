/* SPDX-License-Identifier: MIT */
/* Single requests: limits, addresses that may not be reached, connections, odd framings. */
#include "registry/http/http_private.h"
#include "registry/wire/ring.h"
#include "registry_fixture.h"

/* The limit that a test waits for is short, the others are those of http_limits_default. */
static const struct http_limits quick_headers = {
    .connect_ms = 10000, .headers_ms = 300, .stall_s = 30, .stall_rate = 1024};
static const struct http_limits quick_stall = {
    .connect_ms = 10000, .headers_ms = 30000, .stall_s = 1, .stall_rate = 1024};

struct scene {
	struct script_server server;
	struct http *http;
	char url[64];
	enum http_fault fault;
	struct err err;
	struct buf body;
};

static void scene_open_limited(struct scene *s, const struct http_limits *limits,
			       const struct script_step *steps, size_t count)
{
	memset(s, 0, sizeof(*s));
	script_start(&s->server, steps, count);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/x?secret=1", s->server.port);
	assert_int_equal(http_open("test", limits, &s->http, NULL), 0);
}

static void scene_open(struct scene *s, const struct script_step *steps, size_t count)
{
	scene_open_limited(s, NULL, steps, count);
}

static uint64_t bytes_received(struct scene *s)
{
	struct http_counters c;

	http_counters(s->http, &c);
	return c.bytes_received;
}

/* The status, or -errno. */
static int scene_get(struct scene *s, enum address_reach reach)
{
	struct http_answer *a AUTO(http_end) = NULL;
	int r = http_send(s->http,
			  &(struct http_request){.method = "GET", .url = s->url, .reach = reach},
			  &a, &s->fault, &s->err);

	assert_null(r < 0 ? strstr(s->err.text, "secret") : NULL);
	if (r < 0)
		return r;
	buf_free(&s->body);
	s->body = (struct buf)BUF_INIT;
	r = http_read_all(a, 1 << 20, &s->body, &s->fault, &s->err);
	return r < 0 ? r : http_status(a);
}

static void scene_close(struct scene *s)
{
	buf_free(&s->body);
	http_stop(s->http);
	http_put(s->http);
	script_stop(&s->server);
}

static void an_address_further_inside_is_not_connected_to(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = OK NOTHING}));
	assert_int_equal(scene_get(&s, ADDRESS_PUBLIC), -EPROTO);
	assert_int_equal(scene_get(&s, ADDRESS_PRIVATE), -EPROTO);
	assert_int_equal(s.fault, HTTP_FAULT_FATAL);
	assert_int_equal(script_connections(&s.server), 0);
	/* A name that leads there, too. */
	snprintf(s.url, sizeof(s.url), "http://localhost:%u/", s.server.port);
	assert_int_equal(scene_get(&s, ADDRESS_PUBLIC), -EPROTO);
	assert_int_equal(scene_get(&s, ADDRESS_LOOPBACK), 200);
	scene_close(&s);
}

static void a_connection_that_another_request_left_is_no_way_in(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = OK NOTHING}, {.head = OK NOTHING}));
	assert_int_equal(scene_get(&s, ADDRESS_ANY), 200);
	assert_int_equal(scene_get(&s, ADDRESS_PUBLIC), -EPROTO);
	assert_int_equal(script_served(&s.server), 1);
	scene_close(&s);
}

static void a_line_without_end_is_refused_as_that(void **state)
{
	static const char *const begins[] = {"HTTP/1.1 200 OK\r\nX: y",
					     "HTTP/1.1 100 Continue\r\n"};
	struct scene s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		scene_open(&s, STEPS({.head = begins[i], .forever = "HTTP/1.1 200 no end "}));
		assert_int_equal(scene_get(&s, ADDRESS_ANY), -EPROTO);
		assert_non_null(strstr(s.err.text, "a line of its headers has no end"));
		assert_int_equal(s.fault, HTTP_FAULT_FATAL);
		scene_close(&s);
	}
}

static void a_connection_is_used_again(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = OK NOTHING}, {.head = OK "Content-Length: 2\r\n", .body = "ab"},
			 {.head = OK NOTHING}));
	for (int i = 0; i < 3; i++)
		assert_int_equal(scene_get(&s, ADDRESS_ANY), 200);
	assert_int_equal(script_connections(&s.server), 1);
	scene_close(&s);
}

static void a_body_that_is_not_wanted_keeps_the_connection(void **state)
{
	struct http_answer *a;
	struct scene s;

	(void)state;
	scene_open(
	    &s, STEPS({.head = OK "Content-Length: 20000\r\n", .to = 20000}, {.head = OK NOTHING}));
	assert_int_equal(
	    http_send(s.http,
		      &(struct http_request){.method = "GET", .url = s.url, .reach = ADDRESS_ANY},
		      &a, &s.fault, NULL),
	    0);
	UNTIL(bytes_received(&s) == 20000); /* it does not wait long */
	http_finish(a);
	assert_int_equal(scene_get(&s, ADDRESS_ANY), 200);
	assert_int_equal(script_connections(&s.server), 1);
	scene_close(&s);
}

static void silence_before_the_headers_ends(void **state)
{
	struct scene s;

	(void)state;
	scene_open_limited(&s, &quick_headers, STEPS({.end = SCRIPT_HANG}));
	assert_int_equal(scene_get(&s, ADDRESS_ANY), -ETIMEDOUT);
	assert_int_equal(s.fault, HTTP_FAULT_TIMEOUT);
	assert_non_null(strstr(s.err.text, "timeout awaiting response headers"));
	scene_close(&s);
}

static void a_body_that_stalls_ends(void **state)
{
	struct scene s;

	(void)state;
	scene_open_limited(
	    &s, &quick_stall,
	    STEPS(
		{.head = OK "Content-Length: 100\r\n", .body = "0123456789", .end = SCRIPT_HANG}));
	assert_int_equal(scene_get(&s, ADDRESS_ANY), -ETIMEDOUT);
	assert_int_equal(s.fault, HTTP_FAULT_TIMEOUT);
	assert_int_equal(s.body.len, 10);
	scene_close(&s);
}

static bool is_paused(struct http_answer *a)
{
	bool paused;

	pthread_mutex_lock(&a->lock);
	paused = a->paused;
	pthread_mutex_unlock(&a->lock);
	return paused;
}

static void a_reader_that_takes_its_time_is_no_stall(void **state)
{
	static char data[1 << 20];
	struct http_answer *a;
	struct scene s;
	ssize_t n;
	size_t total = 0;

	(void)state;
	scene_open_limited(&s, &quick_stall,
			   STEPS({.head = OK "Content-Length: 8000000\r\n", .to = 8000000}));
	assert_int_equal(
	    http_send(s.http,
		      &(struct http_request){.method = "GET", .url = s.url, .reach = ADDRESS_ANY},
		      &a, &s.fault, NULL),
	    0);
	UNTIL(is_paused(a));
	usleep(2500000); /* longer than a stall */
	while ((n = http_read(a, data, sizeof(data), &s.fault, NULL)) > 0)
		total += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(total, 8000000);
	http_end(a);
	scene_close(&s);
}

static void a_cut_body_is_told_from_a_whole_one(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = OK "Content-Length: 100\r\n", .to = 10, .end = SCRIPT_CLOSE},
			     {.head = OK "Transfer-Encoding: chunked\r\n",
			      .body = "5\r\nabcde\r\n",
			      .end = SCRIPT_CLOSE}));
	assert_int_equal(scene_get(&s, ADDRESS_ANY), -EPROTO);
	assert_int_equal(s.fault, HTTP_FAULT_CUT);
	assert_int_equal(scene_get(&s, ADDRESS_ANY), -EPROTO);
	assert_int_equal(s.fault, HTTP_FAULT_CUT);
	scene_close(&s);
}

static void every_framing_of_http_is_understood(void **state)
{
	static const struct script_step steps[] = {
	    {.head = OK "Content-Length: 3\r\n", .body = "abc"},
	    {.head = OK "Transfer-Encoding: chunked\r\n",
	     .body = "1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n"},
	    {.head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" OK
		     "Content-Length: 3\r\n",
	     .body = "abc"},
	    {.head = OK, .body = "abc", .end = SCRIPT_CLOSE},
	    {.head = "HTTP/1.0 200 OK\r\n", .body = "abc", .end = SCRIPT_CLOSE},
	};
	struct scene s;

	(void)state;
	scene_open(&s, steps, sizeof(steps) / sizeof(*steps));
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		assert_int_equal(scene_get(&s, ADDRESS_ANY), 200);
		assert_string_equal(s.body.data, "abc");
	}
	scene_close(&s);
}

static void headers_of_interim_answers_do_not_count(void **state)
{
	struct http_answer *a;
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = "HTTP/1.1 103 Early Hints\r\nLocation: /evil\r\n\r\n" OK
				      "Content-Length: 0\r\n"}));
	assert_int_equal(
	    http_send(s.http,
		      &(struct http_request){.method = "GET", .url = s.url, .reach = ADDRESS_ANY},
		      &a, &s.fault, NULL),
	    0);
	assert_null(header_get(http_headers(a), "Location"));
	assert_int_equal(http_answer_reach(a), ADDRESS_LOOPBACK);
	http_end(a);
	scene_close(&s);
}

static void fields_with_line_ends_are_not_sent(void **state)
{
	const char *const fields[] = {"X: a\r\nAuthorization: b", NULL};
	struct http_answer *a;
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = OK NOTHING}));
	assert_int_equal(
	    http_send(s.http,
		      &(struct http_request){
			  .method = "GET", .url = s.url, .headers = fields, .reach = ADDRESS_ANY},
		      &a, &s.fault, NULL),
	    -EINVAL);
	assert_int_equal(script_served(&s.server), 0);
	scene_close(&s);
}

#define LONG_MS 600000

struct long_sleeper {
	struct http *http;
	struct sleeper sleeper;
};

static void *sleep_long(void *arg)
{
	struct long_sleeper *s = arg;

	sleeper_enter(&s->sleeper);
	return (void *)(intptr_t)http_sleep(s->http, LONG_MS, NULL, NULL);
}

static void stopping_ends_sleepers_and_what_comes_later(void **state)
{
	pthread_t thread;
	void *result;
	struct scene s;
	struct long_sleeper l = {0};
	int64_t began = clock_ms();

	(void)state;
	scene_open(&s, NULL, 0);
	l.http = s.http;
	pthread_create(&thread, NULL, sleep_long, &l);
	sleeper_wait(&l.sleeper);
	http_stop(s.http);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, -EINTR);
	assert_int_equal(scene_get(&s, ADDRESS_ANY), -EINTR);
	assert_int_equal(http_sleep(s.http, LONG_MS, NULL, NULL), -EINTR);
	assert_true(clock_ms() - began < LONG_MS);
	scene_close(&s);
}

static void an_answer_outlives_the_client(void **state)
{
	struct http_answer *a;
	char data[64];
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = OK "Content-Length: 100\r\n", .to = 10, .end = SCRIPT_HANG}));
	assert_int_equal(
	    http_send(s.http,
		      &(struct http_request){.method = "GET", .url = s.url, .reach = ADDRESS_ANY},
		      &a, &s.fault, NULL),
	    0);
	http_stop(s.http);
	http_put(http_get(s.http));
	while (http_read(a, data, sizeof(data), &s.fault, NULL) > 0)
		;
	assert_int_equal(http_read(a, data, sizeof(data), &s.fault, NULL), -EINTR);
	http_put(s.http);
	http_end(a);
	script_stop(&s.server);
}

/* A server that ends resets what it has not accepted, rarely: so the answer is made by hand. */
static void a_reset_before_the_first_byte_is_a_connection_that_broke(void **state)
{
	struct http_answer a = {
	    .shown = "http://registry.test/v2/", .method = "GET", .result = CURLE_COULDNT_CONNECT};
	enum http_fault fault;
	struct err err = {0};

	(void)state;
	a.os_errno = ECONNRESET;
	assert_int_equal(http_error(&a, &fault, &err), -EPROTO);
	assert_int_equal(fault, HTTP_FAULT_CUT);
	assert_non_null(strstr(err.text, "the connection broke: Connection reset by peer"));
	a.os_errno = ECONNREFUSED;
	assert_int_equal(http_error(&a, &fault, &err), -ECONNREFUSED);
	assert_int_equal(fault, HTTP_FAULT_UNREACHABLE);
}

static void a_ring_keeps_the_order_of_its_bytes(void **state)
{
	struct ring r;
	unsigned char in[7], out[7];
	uint64_t next_in = 0, next_out = 0;

	(void)state;
	ring_init(&r, 16);
	for (int i = 0; i < 1000; i++) {
		size_t n = (size_t)(i % 8);

		if (ring_used(&r) + n <= r.size) {
			for (size_t j = 0; j < n; j++)
				in[j] = script_byte(next_in++);
			assert_int_equal(ring_copy_in(&r, r.head, in, n), 0);
			r.head += n;
		}
		n = ring_used(&r) < 5 ? ring_used(&r) : 5;
		ring_copy_out(&r, r.tail, out, n);
		r.tail += n;
		for (size_t j = 0; j < n; j++)
			assert_int_equal(out[j], script_byte(next_out++));
	}
	ring_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_further_inside_is_not_connected_to),
	    cmocka_unit_test(a_connection_that_another_request_left_is_no_way_in),
	    cmocka_unit_test(a_connection_is_used_again),
	    cmocka_unit_test(a_line_without_end_is_refused_as_that),
	    cmocka_unit_test(a_body_that_is_not_wanted_keeps_the_connection),
	    cmocka_unit_test(silence_before_the_headers_ends),
	    cmocka_unit_test(a_body_that_stalls_ends),
	    cmocka_unit_test(a_reader_that_takes_its_time_is_no_stall),
	    cmocka_unit_test(a_cut_body_is_told_from_a_whole_one),
	    cmocka_unit_test(every_framing_of_http_is_understood),
	    cmocka_unit_test(headers_of_interim_answers_do_not_count),
	    cmocka_unit_test(fields_with_line_ends_are_not_sent),
	    cmocka_unit_test(stopping_ends_sleepers_and_what_comes_later),
	    cmocka_unit_test(an_answer_outlives_the_client),
	    cmocka_unit_test(a_reset_before_the_first_byte_is_a_connection_that_broke),
	    cmocka_unit_test(a_ring_keeps_the_order_of_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

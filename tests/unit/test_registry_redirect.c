/* SPDX-License-Identifier: MIT */
/* Redirects: what goes along, and where they may not lead. */
#include "registry_scene.h"

static void a_redirect_to_another_origin_carries_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_open(
	    &s,
	    STEPS({.head = ASK_BASIC},
		  {.head =
		       "HTTP/1.1 307 Go\r\nLocation: http://localhost:%B/blob?sig=1\r\n" NOTHING}),
	    STEPS({.head = GOOD, .body = BODY}));
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_saw(&s.b, "GET /blob?sig=1 HTTP/1.1"), 1);
	assert_int_equal(script_saw(&s.b, "Authorization"), 0);
	assert_int_equal(script_saw(&s.b, "Cookie"), 0);
	assert_int_equal(script_saw(&s.b, "Referer"), 0);
	scene_close(&s);
}

/* By a path that somebody else has chosen: whatever lies there is asked for as by anybody. */
static void a_redirect_that_comes_back_carries_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_open(
	    &s,
	    STEPS({.head = ASK_BASIC},
		  {.head = "HTTP/1.1 307 Go\r\nLocation: http://localhost:%B/away\r\n" NOTHING},
		  {.head = ASK_BASIC}),
	    STEPS(
		{.head = "HTTP/1.1 307 Go\r\nLocation: http://localhost:%A/private\r\n" NOTHING}));
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_int_equal(script_saw(&s.a, "GET /private HTTP/1.1"), 1);
	assert_int_equal(script_saw(&s.a, AUTHORIZED "Basic"), 1);
	scene_close(&s);
}

static void a_challenge_behind_a_redirect_is_not_answered(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = "HTTP/1.1 307 Go\r\nLocation: http://localhost:%B/\r\n" NOTHING}),
		   STEPS({.head = ASK_BASIC}));
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_int_equal(script_served(&s.b), 1);
	scene_close(&s);
}

static void a_redirect_within_the_origin_keeps_it(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = ASK_BASIC},
			 {.head = "HTTP/1.1 302 Go\r\nLocation: ../../../../elsewhere\r\n" NOTHING},
			 {.head = GOOD, .body = BODY}),
		   NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_saw(&s.a, "GET /elsewhere HTTP/1.1"), 1);
	assert_int_equal(script_saw(&s.a, AUTHORIZED "Basic"), 2);
	scene_close(&s);
}

static void redirects_that_mislead_are_refused(void **state)
{
	static const char *const targets[] = {
	    "Location: file:///etc/passwd\r\n",
	    "Location: ftp://localhost:%B/\r\n",
	    "Location: gopher://localhost:%B/\r\n",
	    "Location: http://user:pw@localhost:%B/\r\n",
	    "Location: http://169.254.169.254/latest/meta-data\r\n",
	    "Location: http://[fe80::1]/\r\n",
	    "Location: http://0.0.0.0:%B/\r\n",
	    "Location: http://[::ffff:169.254.169.254]/\r\n",
	    "Location: http://local host/\r\n",
	    "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		struct scene s;
		char head[256];

		snprintf(head, sizeof(head), "HTTP/1.1 307 Go\r\n%s" NOTHING, targets[i]);
		scene_open(&s, STEPS({.head = head}), STEPS({.head = GOOD, .body = BODY}));
		scene_ask(&s);
		print_message("  %s\n", s.err.text);
		assert_int_equal(s.code, -EPROTO);
		assert_int_equal(script_served(&s.b), 0);
		scene_close(&s);
	}
}

static void redirects_come_to_an_end(void **state)
{
	struct script_step steps[20];
	struct scene s;

	(void)state;
	for (int i = 0; i < 20; i++)
		steps[i] =
		    (struct script_step){.head = "HTTP/1.1 307 Go\r\nLocation: /again\r\n" NOTHING};
	scene_open(&s, steps, 20, NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, -EPROTO);
	assert_non_null(strstr(s.err.text, "more than 10 redirects"));
	assert_int_equal(script_served(&s.a), 11);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_redirect_to_another_origin_carries_nothing),
	    cmocka_unit_test(a_redirect_that_comes_back_carries_nothing),
	    cmocka_unit_test(a_challenge_behind_a_redirect_is_not_answered),
	    cmocka_unit_test(a_redirect_within_the_origin_keeps_it),
	    cmocka_unit_test(redirects_that_mislead_are_refused),
	    cmocka_unit_test(redirects_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

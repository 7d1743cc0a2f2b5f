/* SPDX-License-Identifier: MIT */
/* Where passwords and tokens go, and above all where they do not: challenges, token servers. */
#include "registry_scene.h"

static void a_password_is_sent_when_it_is_asked_for_and_then_at_once(void **state)
{
	struct scene s;

	(void)state;
	scene_open(
	    &s,
	    STEPS({.head = ASK_BASIC}, {.head = GOOD, .body = BODY}, {.head = GOOD, .body = BODY}),
	    NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_served(&s.a), 3);
	assert_int_equal(script_saw(&s.a, AUTHORIZED "Basic " BASIC "\r\n"), 2);
	scene_close(&s);
}

static void nothing_is_sent_unasked(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = GOOD, .body = BODY}), NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_saw(&s.a, AUTHORIZED), 0);
	scene_close(&s);
}

static void a_wrong_password_is_refused_without_a_storm(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = ASK_BASIC}, {.head = ASK_BASIC}, {.head = ASK_BASIC}), NULL,
		   0);
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_int_equal(script_served(&s.a), 2);
	scene_close(&s);
}

static void another_port_gets_no_password(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, NULL, 0, STEPS({.head = ASK_BASIC}, {.head = ASK_BASIC}));
	ref_clear(&s.ref);
	s.ref = make_ref(&s.b, ":v1");
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_int_equal(script_saw(&s.b, AUTHORIZED), 0);
	scene_close(&s);
}

static void a_token_is_fetched_and_used_until_it_ends(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\","
		   "service=\"the registry\",scope=\"repository:team/app:pull other\"\r\n" NOTHING;
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = challenge},
			 {.head = OK "Content-Length: 33\r\n",
			  .body = "{\"token\":\"T0\",\"expires_in\":300}  "},
			 {.head = GOOD, .body = BODY}, {.head = GOOD, .body = BODY}),
		   NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_served(&s.a), 4);
	assert_int_equal(script_saw(&s.a, "GET /token?service=the%20registry&"
					  "scope=repository%3Ateam%2Fapp%3Apull&scope=other&"
					  "account=user HTTP/1.1"),
			 1);
	assert_int_equal(script_saw(&s.a, AUTHORIZED "Basic " BASIC), 1);
	assert_int_equal(script_saw(&s.a, AUTHORIZED "Bearer T0\r\n"), 2);
	scene_close(&s);
}

static void a_token_that_is_refused_is_fetched_once_more(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\"\r\n" NOTHING;
	const struct script_step token = {.head = OK "Content-Length: 22\r\n",
					  .body = "{\"access_token\":\"T0\"}  "};
	const struct script_step ask = {.head = challenge};
	struct scene s;

	(void)state;
	scene_open(&s, STEPS(ask, token, ask, token, ask, token, ask, token), NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_true(script_served(&s.a) <= 6);
	assert_non_null(strstr(s.err.text, "pull access denied for localhost:"));
	scene_close(&s);
}

static void a_token_server_elsewhere_gets_no_password(void **state)
{
	static const char *const realms[] = {"http://127.0.0.1:%B/token",
					     "http://127.0.0.1:%A/token"};

	(void)state;
	for (size_t i = 0; i < sizeof(realms) / sizeof(*realms); i++) {
		const struct script_step token = {
		    .head = OK, .body = "{\"token\":\"T0\"}", .end = SCRIPT_CLOSE};
		struct scene s;
		char head[256];
		bool at_b = strstr(realms[i], "%B") != NULL;

		snprintf(head, sizeof(head),
			 DENIED "WWW-Authenticate: Bearer realm=\"%s\"\r\n" NOTHING, realms[i]);
		const struct script_step direct[] = {{.head = head}, {.head = GOOD, .body = BODY}};
		const struct script_step own[] = {
		    {.head = head}, token, {.head = GOOD, .body = BODY}};

		scene_open(&s, at_b ? direct : own, at_b ? 2 : 3, &token, 1);
		scene_ask(&s);
		assert_int_equal(s.code, 0);
		assert_int_equal(script_saw(&s.a, "Basic") + script_saw(&s.b, "Basic"), 0);
		assert_int_equal(script_saw(&s.a, AUTHORIZED "Bearer T0"), 1);
		scene_close(&s);
	}
}

static void realms_that_mislead_are_refused(void **state)
{
	static const char *const realms[] = {
	    "file:///etc/passwd",
	    "ftp://localhost:%A/",
	    "http://user:pw@localhost:%A/",
	    "http://169.254.169.254/latest/meta-data",
	    "http://[::ffff:169.254.169.254]/",
	    "http://0.0.0.0:%A/token",
	    "http://localhost:%A/to ken",
	    "",
	    "/token",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(realms) / sizeof(*realms); i++) {
		struct scene s;
		char head[256];

		snprintf(head, sizeof(head),
			 DENIED "WWW-Authenticate: Bearer realm=\"%s\"\r\n" NOTHING, realms[i]);
		scene_open(&s, STEPS({.head = head}), NULL, 0);
		scene_ask(&s);
		print_message("  %s\n", s.err.text);
		assert_true(s.code == -EPROTO);
		assert_int_equal(script_served(&s.a), 1);
		scene_close(&s);
	}
}

static void a_token_request_follows_no_redirect(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\"\r\n" NOTHING;
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = challenge},
			 {.head = "HTTP/1.1 307 Go\r\nLocation: http://localhost:%B/\r\n" NOTHING}),
		   NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, -EPROTO);
	assert_int_equal(script_served(&s.b), 0);
	scene_close(&s);
}

static void answers_without_a_usable_token_are_refused(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\"\r\n" NOTHING;
	static const char *const bodies[] = {"",
					     "{}",
					     "[]",
					     "{\"token\":5}",
					     "{\"token\":\"\"}",
					     "{\"token\":\"a b\"}",
					     "{\"token\":\"a\\r\\nX: y\"}",
					     "{\"token\":\"a\\u0000b\"}",
					     "{\"token\":\"a\",\"token\":\"b\"}",
					     "<html>"};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct scene s;

		scene_open(&s,
			   STEPS({.head = challenge},
				 {.head = OK, .body = bodies[i], .end = SCRIPT_CLOSE}),
			   NULL, 0);
		scene_ask(&s);
		print_message("  %s\n", s.err.text);
		assert_int_equal(s.code, -EPROTO);
		assert_int_equal(script_served(&s.a), 2);
		scene_close(&s);
	}
}

static void a_token_server_that_refuses_the_password_is_believed(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\"\r\n" NOTHING;
	struct scene s;

	(void)state;
	scene_open(&s, STEPS({.head = challenge}, {.head = DENIED NOTHING}), NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_non_null(strstr(s.err.text, "unauthorized: incorrect username or password"));
	assert_non_null(strstr(s.err.text, "localhost:"));
	scene_close(&s);
}

static void an_identity_token_is_exchanged_by_oauth2(void **state)
{
	static const char challenge[] =
	    DENIED "WWW-Authenticate: Bearer realm=\"http://localhost:%A/token\","
		   "service=\"s\",scope=\"x y\"\r\n" NOTHING;
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = challenge},
			 {.head = OK, .body = "{\"access_token\":\"T0\"}", .end = SCRIPT_CLOSE},
			 {.head = GOOD, .body = BODY}),
		   NULL, 0);
	write_auth(&s,
		   "{\"auths\":{\"localhost:%u\":{\"auth\":\"" BASIC "\","
		   "\"identitytoken\":\"I&D\"}}}",
		   s.a.port);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(script_saw(&s.a, "POST /token HTTP/1.1"), 1);
	assert_int_equal(script_saw(&s.a, "grant_type=refresh_token&service=s&client_id=imagefs&"
					  "scope=x%20y&refresh_token=I%26D"),
			 1);
	assert_int_equal(script_saw(&s.a, "Basic"), 0);
	scene_close(&s);
}

static void a_logout_is_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s,
		   STEPS({.head = ASK_BASIC}, {.head = GOOD, .body = BODY}, {.head = ASK_BASIC}),
		   NULL, 0);
	scene_ask(&s);
	assert_int_equal(s.code, 0);
	write_auth(&s, "{}");
	scene_ask(&s);
	assert_int_equal(s.code, -EACCES);
	assert_int_equal(script_saw(&s.a, AUTHORIZED), 1);
	scene_close(&s);
}

static void a_broken_file_is_named_once_it_is_needed(void **state)
{
	static const char *const texts[] = {
	    "{", "{\"auths\":{\"localhost:%A\":{\"auth\":\"!!\"}}}",
	    "{\"auths\":{\"localhost:%A\":{\"auth\":\"YWJj\"}}}", /* "abc": no colon */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct scene s;
		char *text;

		scene_open(&s, STEPS({.head = GOOD, .body = BODY}, {.head = ASK_BASIC}), NULL, 0);
		text = fill(texts[i], &s);
		write_auth(&s, "%s", text);
		free(text);
		scene_ask(&s);
		assert_int_equal(s.code, 0);
		scene_ask(&s);
		assert_int_equal(s.code, -EACCES);
		assert_non_null(strstr(s.err.text, s.file));
		assert_non_null(strstr(s.err.text, "invalid auth configuration file"));
		scene_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_password_is_sent_when_it_is_asked_for_and_then_at_once),
	    cmocka_unit_test(nothing_is_sent_unasked),
	    cmocka_unit_test(a_wrong_password_is_refused_without_a_storm),
	    cmocka_unit_test(another_port_gets_no_password),
	    cmocka_unit_test(a_token_is_fetched_and_used_until_it_ends),
	    cmocka_unit_test(a_token_that_is_refused_is_fetched_once_more),
	    cmocka_unit_test(a_token_server_elsewhere_gets_no_password),
	    cmocka_unit_test(realms_that_mislead_are_refused),
	    cmocka_unit_test(a_token_request_follows_no_redirect),
	    cmocka_unit_test(answers_without_a_usable_token_are_refused),
	    cmocka_unit_test(a_token_server_that_refuses_the_password_is_believed),
	    cmocka_unit_test(an_identity_token_is_exchanged_by_oauth2),
	    cmocka_unit_test(a_logout_is_noticed),
	    cmocka_unit_test(a_broken_file_is_named_once_it_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

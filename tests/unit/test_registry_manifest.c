/* SPDX-License-Identifier: MIT */
/* Manifests, their digests, mirrors: what counts, what is refused, and its sentence. */
#include "registry_ask.h"

static void call_manifest(struct registry *r, const struct ref *ref, struct cancel *cancel,
			  struct outcome *o)
{
	struct manifest_answer a = {.body = BUF_INIT};

	o->code = registry_manifest(r, ref, cancel, &a, &o->err);
	if (o->code == 0) {
		digest_text(&a.digest, o->text);
		snprintf(o->body, sizeof(o->body), "%.60s", a.body.data);
		snprintf(o->type, sizeof(o->type), "%s", a.content_type);
	}
	registry_manifest_clear(&a);
}

static void call_digest(struct registry *r, const struct ref *ref, struct cancel *cancel,
			struct outcome *o)
{
	struct digest d;

	o->code = registry_manifest_digest(r, ref, cancel, &d, &o->err);
	if (o->code == 0)
		digest_text(&d, o->text);
}

static const char *body_digest(void)
{
	static char text[DIGEST_TEXT_MAX];
	struct digest d;

	digest_of(DIGEST_SHA256, BODY, strlen(BODY), &d, NULL);
	return digest_text(&d, text);
}

static void a_manifest_comes_as_it_is_served(void **state)
{
	struct outcome o =
	    ask(call_manifest, ":v1", 0, STEPS({.head = OK TYPE BODY_LENGTH, .body = BODY}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, BODY);
	assert_string_equal(o.type, "application/vnd.oci.image.manifest.v1+json");
	assert_string_equal(o.text, body_digest());
	assert_non_null(strstr(o.log, "GET /v2/team/app/manifests/v1 HTTP/1.1\r\n"));
	assert_non_null(strstr(o.log, "application/vnd.oci.image.index.v1+json"));
	assert_non_null(strstr(o.log, "application/vnd.docker.distribution.manifest.list.v2+json"));
	assert_null(strstr(o.log, "Authorization"));
	assert_null(strstr(o.log, "Cookie"));
	assert_non_null(strstr(o.log, "Accept-Encoding: identity\r\n"));
}

static void bytes_that_are_not_those_of_the_digest_are_refused(void **state)
{
	struct outcome o = ask(call_manifest, "@" OTHER_DIGEST, 0,
			       STEPS({.head = OK TYPE BODY_LENGTH, .body = BODY}));

	(void)state;
	assert_int_equal(o.code, -EBADMSG);
	assert_non_null(strstr(o.err.text, OTHER_DIGEST));
}

static void bytes_that_are_not_those_of_the_header_are_refused(void **state)
{
	struct outcome o =
	    ask(call_manifest, ":v1", 0,
		STEPS({.head = OK TYPE BODY_LENGTH "Docker-Content-Digest: " OTHER_DIGEST "\r\n",
		       .body = BODY}));

	(void)state;
	assert_int_equal(o.code, -EBADMSG);
}

static void a_digest_header_of_an_unknown_kind_says_nothing(void **state)
{
	struct outcome o = ask(
	    call_manifest, ":v1", 0,
	    STEPS({.head = OK BODY_LENGTH "Docker-Content-Digest: md5:../../x\r\n", .body = BODY}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.type, "");
}

static void refusals_have_dockers_sentences(void **state)
{
	static const struct {
		const char *head, *body;
		int code;
		const char *text;
	} cases[] = {
	    {NOT_FOUND, NULL, -ENOENT,
	     "failed to resolve reference \"localhost:%u/team/app:v1\": "
	     "localhost:%u/team/app:v1: not found"},
	    {"HTTP/1.1 403 Forbidden\r\n",
	     "{\"errors\":[{\"code\":\"DENIED\","
	     "\"message\":\"requested access\\u001b to\\nthe\\tresource\"}]}",
	     -EACCES,
	     "pull access denied for localhost:%u/team/app, repository does not exist or may "
	     "require 'docker login': denied: requested access? to the resource"},
	    {"HTTP/1.1 401 Unauthorized\r\n" NOTHING, NULL, -EACCES,
	     "pull access denied for localhost:%u/team/app, repository does not exist or may "
	     "require 'docker login': unexpected status from GET request to localhost:%u: 401 "
	     "Unauthorized"},
	    {"HTTP/1.1 400 Bad Request\r\n" NOTHING, NULL, -EPROTO,
	     "failed to resolve reference \"localhost:%u/team/app:v1\": error from registry: "
	     "unexpected status from GET request to localhost:%u: 400 Bad Request"},
	    {"HTTP/1.1 418 I'm a teapot\r\n", "not json at al", -EPROTO,
	     "failed to resolve reference \"localhost:%u/team/app:v1\": error from registry: "
	     "unexpected status from GET request to localhost:%u: 418 "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct script_step step = {
		    .head = cases[i].head, .body = cases[i].body, .end = SCRIPT_CLOSE};
		struct outcome o;
		char want[512], got[ERR_TEXT_MAX];
		char *p;
		char *q = got;

		o = ask(call_manifest, ":v1", 0, &step, 1);
		/* The port is another each time. */
		for (p = o.err.text; *p; p++) {
			*q++ = *p;
			if (!strncmp(p, "localhost:", 10)) {
				q += sprintf(q, "ocalhost:%%u");
				p += 9;
				while (p[1] >= '0' && p[1] <= '9')
					p++;
			}
		}
		*q = '\0';
		snprintf(want, sizeof(want), "%s", cases[i].text);
		assert_int_equal(o.code, cases[i].code);
		assert_string_equal(got, want);
	}
}

static void a_429_is_waited_for_and_asked_again(void **state)
{
	struct outcome o =
	    ask(call_manifest, ":v1", 0,
		STEPS({.head = "HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\n" NOTHING},
		      {.head = OK BODY_LENGTH, .body = BODY}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.served, 2);
	assert_true(o.ms >= 1000);
}

static void a_deadline_ends_the_tries_with_the_registrys_error(void **state)
{
	static const char busy[] =
	    "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"rate limit\"}]}";
	struct outcome o = ask(call_manifest, ":v1", 50000,
			       STEPS({.head = "HTTP/1.1 429 Slow down\r\nRetry-After: 60\r\n",
				      .body = busy,
				      .end = SCRIPT_CLOSE}));

	(void)state;
	assert_int_equal(o.code, -EDQUOT);
	assert_int_equal(o.served, 1);
	assert_true(o.ms < 40000); /* it did not wait */
	assert_non_null(strstr(o.err.text, "error from registry: toomanyrequests: rate limit"));
}

static void a_deadline_ends_a_silent_registry(void **state)
{
	struct outcome o = ask(call_manifest, ":v1", 300, STEPS({.end = SCRIPT_HANG}));

	(void)state;
	assert_int_equal(o.code, -ETIMEDOUT);
	assert_true(o.ms >= 300 && o.ms < 20000); /* by itself, silence ends after 30 s */
}

static void a_cancel_ends_the_wait_that_a_registry_asked_for(void **state)
{
	struct script_server server;
	struct cancel cancel;
	struct registry *r = open_client(NULL);
	struct later later = {.registry = r, .retries = 1, .cancel = &cancel};
	static struct outcome o;

	(void)state;
	cancel_init(&cancel);
	script_start(&server, STEPS({.head = "HTTP/1.1 503 No\r\nRetry-After: 60\r\n" NOTHING}));
	struct ref ref = make_ref(&server, ":v1");

	later_start(&later);
	call_manifest(r, &ref, &cancel, &o);
	assert_int_equal(o.code, -EINTR);
	assert_true(later_was_soon(&later));
	later_join(&later);
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
	cancel_destroy(&cancel);
}

static void closing_the_client_ends_a_silent_request(void **state)
{
	struct script_server server;
	struct registry *r = open_client(NULL);
	struct later later = {.registry = r, .requests = 1};
	static struct outcome o;

	(void)state;
	script_start(&server, STEPS({.end = SCRIPT_HANG}));
	struct ref ref = make_ref(&server, ":v1");

	later_start(&later);
	call_manifest(r, &ref, NULL, &o);
	assert_int_equal(o.code, -EINTR);
	assert_true(later_was_soon(&later));
	later_join(&later);
	script_stop(&server);
	ref_clear(&ref);
}

static void floods_are_refused(void **state)
{
	struct outcome o;

	(void)state;
	o = ask(call_manifest, ":v1", 0, STEPS({.head = OK, .forever = "X-Flood: 0123456789\r\n"}));
	assert_int_equal(o.code, -EPROTO);
	assert_non_null(strstr(o.err.text, "headers of more than 65536 bytes"));

	o = ask(call_manifest, ":v1", 0,
		STEPS({.head = OK "\r\n", .forever = "                                        "}));
	assert_int_equal(o.code, -EPROTO);
	assert_non_null(strstr(o.err.text, "4194304"));

	o = ask(call_manifest, ":v1", 0, STEPS({.head = OK "Content-Length: 4194305\r\n"}));
	assert_int_equal(o.code, -EPROTO);
}

static void answers_that_are_no_http_are_refused(void **state)
{
	static const char *const heads[] = {
	    "SSH-2.0-OpenSSH_9.2\r\n",
	    "HTTP/1.1 abc\r\n",
	    "HTTP/9.9 200 OK\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n",
	    "HTTP/1.1 200 OK\r\nX: a\033[2Jb\r\nContent-Length: 0\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		struct script_step step = {.head = heads[i], .end = SCRIPT_CLOSE};
		struct outcome o = ask(call_manifest, ":v1", 0, &step, 1);

		print_message("  %s\n", o.err.text);
		assert_true(o.code == -EPROTO);
		for (const char *p = o.err.text; *p; p++)
			assert_true(*p >= ' ' || (signed char)*p < 0);
	}
}

static void a_digest_is_had_without_the_body(void **state)
{
	struct outcome o =
	    ask(call_digest, ":v1", 0,
		STEPS({.head = OK BODY_LENGTH "Docker-Content-Digest: " OTHER_DIGEST "\r\n"}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.text, OTHER_DIGEST);
	assert_non_null(strstr(o.log, "HEAD /v2/team/app/manifests/v1"));
}

static void a_digest_is_made_where_none_is_sent(void **state)
{
	struct outcome o;

	(void)state;
	o = ask(call_digest, ":v1", 0,
		STEPS({.head = OK BODY_LENGTH}, {.head = OK BODY_LENGTH, .body = BODY}));
	assert_int_equal(o.code, 0);
	assert_string_equal(o.text, body_digest());
	o = ask(call_digest, ":v1", 0,
		STEPS({.head = "HTTP/1.1 405 Method Not Allowed\r\n" NOTHING},
		      {.head = OK BODY_LENGTH, .body = BODY}));
	assert_int_equal(o.code, 0);
	assert_string_equal(o.text, body_digest());
}

static void a_refused_head_says_nothing_of_get(void **state)
{
	static const int statuses[] = {400, 401, 403, 404, 405, 410, 429, 500, 501, 503};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		char head[64];
		struct outcome o;

		snprintf(head, sizeof(head), "HTTP/1.1 %d No\r\n" NOTHING, statuses[i]);
		/* Behind a mute 401 comes the question for a challenge. */
		o = statuses[i] == 401
			? ask(call_digest, ":v1", 0,
			      STEPS({.head = head}, {.head = OK NOTHING},
				    {.head = OK BODY_LENGTH, .body = BODY}))
			: ask(call_digest, ":v1", 0,
			      STEPS({.head = head}, {.head = OK BODY_LENGTH, .body = BODY}));
		print_message("  %d: %s\n", statuses[i], o.err.text);
		assert_int_equal(o.code, 0);
		assert_string_equal(o.text, body_digest());
	}
}

/* A client with one mirror for the server; *mirror NULL: one that does not answer. */
static struct outcome ask_mirrored(const struct script_step *mirror,
				   const struct script_step *origin)
{
	static struct outcome o;
	struct script_server m, s;
	char text[128];
	const char *mirrors[] = {text, NULL};
	struct registry *r;

	o = (struct outcome){0};
	script_start(&m, mirror, mirror ? 1 : 0);
	script_start(&s, origin, origin ? 1 : 0);
	if (!mirror)
		script_stop(&m);
	snprintf(text, sizeof(text), "localhost:%u=http://127.0.0.1:%u/mirror/", s.port, m.port);
	r = open_client(&(struct registry_options){.mirrors = mirrors});
	struct ref ref = make_ref(&s, ":v1");

	call_manifest(r, &ref, NULL, &o);
	registry_close(r);
	script_stop(&s);
	if (mirror)
		script_stop(&m);
	o.served = s.served;
	memcpy(o.log, m.log, sizeof(o.log));
	ref_clear(&ref);
	return o;
}

static void a_mirror_is_asked_first(void **state)
{
	const struct script_step good = {.head = OK BODY_LENGTH, .body = BODY};
	struct outcome o = ask_mirrored(&good, NULL);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_int_equal(o.served, 0);
	assert_non_null(strstr(o.log, "GET /mirror/v2/team/app/manifests/v1"));
}

static void the_registry_is_asked_where_its_mirror_fails(void **state)
{
	static const struct script_step good = {.head = OK BODY_LENGTH, .body = BODY};
	static const struct script_step bad[] = {
	    {.head = NOT_FOUND},
	    {.head = "HTTP/1.1 500 No\r\n" NOTHING},
	    {.head = "HTTP/1.1 401 No\r\n" NOTHING},
	    {.head = "HTTP/1.1 429 No\r\nRetry-After: 60\r\n" NOTHING},
	    {.head = OK BODY_LENGTH "Docker-Content-Digest: " OTHER_DIGEST "\r\n", .body = BODY},
	    {.head = OK BODY_LENGTH, .body = "cut", .end = SCRIPT_CLOSE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ask_mirrored(&bad[i], &good).code, 0);
	assert_int_equal(ask_mirrored(NULL, &good).code, 0);
}

static void an_offline_client_asks_nobody(void **state)
{
	struct script_server server;
	struct registry *r = open_client(&(struct registry_options){.offline = true});
	static struct outcome o;

	(void)state;
	script_start(&server, NULL, 0);
	struct ref ref = make_ref(&server, ":v1");

	call_manifest(r, &ref, NULL, &o);
	assert_int_equal(o.code, -ENETUNREACH);
	assert_int_equal(script_served(&server), 0);
	registry_close(r);
	script_stop(&server);
	ref_clear(&ref);
}

static void a_closed_port_is_refused_at_once(void **state)
{
	struct registry *r = open_client(NULL);
	struct script_server server;
	static struct outcome o;

	(void)state;
	script_start(&server, NULL, 0);
	struct ref ref = make_ref(&server, ":v1");

	script_stop(&server);
	call_manifest(r, &ref, NULL, &o);
	assert_int_equal(o.code, -ECONNREFUSED);
	assert_non_null(strstr(o.err.text, "connection refused"));
	registry_close(r);
	ref_clear(&ref);
}

static void malformed_mirrors_are_refused(void **state)
{
	static const char *const cases[] = {"x", "=http://x", "h=ftp://x", "h=http://u@x", "h="};
	struct registry *r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(registry_open(
				     &(struct registry_options){
					 .mirrors = (const char *const[]){cases[i], NULL}},
				     &r, NULL),
				 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_manifest_comes_as_it_is_served),
	    cmocka_unit_test(bytes_that_are_not_those_of_the_digest_are_refused),
	    cmocka_unit_test(bytes_that_are_not_those_of_the_header_are_refused),
	    cmocka_unit_test(a_digest_header_of_an_unknown_kind_says_nothing),
	    cmocka_unit_test(refusals_have_dockers_sentences),
	    cmocka_unit_test(a_429_is_waited_for_and_asked_again),
	    cmocka_unit_test(a_deadline_ends_the_tries_with_the_registrys_error),
	    cmocka_unit_test(a_deadline_ends_a_silent_registry),
	    cmocka_unit_test(a_cancel_ends_the_wait_that_a_registry_asked_for),
	    cmocka_unit_test(closing_the_client_ends_a_silent_request),
	    cmocka_unit_test(floods_are_refused),
	    cmocka_unit_test(answers_that_are_no_http_are_refused),
	    cmocka_unit_test(a_digest_is_had_without_the_body),
	    cmocka_unit_test(a_digest_is_made_where_none_is_sent),
	    cmocka_unit_test(a_refused_head_says_nothing_of_get),
	    cmocka_unit_test(a_mirror_is_asked_first),
	    cmocka_unit_test(the_registry_is_asked_where_its_mirror_fails),
	    cmocka_unit_test(an_offline_client_asks_nobody),
	    cmocka_unit_test(a_closed_port_is_refused_at_once),
	    cmocka_unit_test(malformed_mirrors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Where a password may go, and how long a token lives. */
#include "registry/auth/auth.h"
#include "registry/auth/token.h"
#include "registry/wire/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool trusts(const char *registry, const char *realm)
{
	autourl a = URL_INIT;
	autourl b = URL_INIT;

	assert_int_equal(url_parse(registry, &a, NULL), 0);
	assert_int_equal(url_parse(realm, &b, NULL), 0);
	return auth_trusts(&a, &b);
}

static void passwords_stay_in_the_registrys_domain(void **state)
{
	static const struct {
		const char *registry, *realm;
		bool trusted;
	} cases[] = {
	    {"https://ghcr.io/", "https://ghcr.io/token", true},
	    {"https://registry-1.docker.io/", "https://auth.docker.io/token", true},
	    {"https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", true},
	    {"https://registry.gitlab.com/", "https://auth.gitlab.com/", true},
	    {"https://quay.io/", "https://auth.quay.io/", true},
	    {"https://reg.example.org:5000/", "https://reg.example.org:5001/", true},
	    {"http://localhost:5000/", "http://localhost:5000/token", true},
	    {"https://10.0.0.1/", "https://10.0.0.1/token", true},
	    {"http://127.0.0.1:5000/", "http://127.0.0.1:5001/", true},

	    {"https://ghcr.io/", "https://evil.io/", false},
	    {"https://ghcr.io/", "https://io/", false},
	    {"https://ghcr.io/", "https://ghcr.io.evil.com/", false},
	    {"https://ghcr.io/", "https://evilghcr.io/", false},
	    {"https://registry.gitlab.com/", "https://evilgitlab.com/", false},
	    {"https://registry.gitlab.com/", "https://com/", false},
	    {"https://ghcr.io/", "https://auth.docker.io/token", false},
	    {"https://reg.example.org/", "http://reg.example.org:443/", false},
	    {"http://localhost:5000/", "http://127.0.0.1:5000/", false},
	    {"https://10.0.0.1/", "https://9.0.0.1/", false},
	    {"https://[2001:db8::1]/", "https://[2001:db8::2]/", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("  %s to %s\n", cases[i].registry, cases[i].realm);
		assert_int_equal(trusts(cases[i].registry, cases[i].realm), cases[i].trusted);
	}
}

static void tokens_live_as_long_as_they_say(void **state)
{
	static const struct {
		const char *text;
		int64_t life_ms;
	} cases[] = {
	    {"{\"token\":\"t\"}", 60000},
	    {"{\"token\":\"t\",\"expires_in\":300}", 300000},
	    {"{\"token\":\"t\",\"expires_in\":1}", 1000},
	    {"{\"token\":\"t\",\"expires_in\":1e99}", 60000},
	    {"{\"token\":\"t\",\"expires_in\":-5}", 60000},
	    {"{\"token\":\"t\",\"expires_in\":\"300\"}", 60000},
	    {"{\"token\":\"t\",\"expires_in\":99999999999}", 86400000},
	    {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"1970-01-01T00:16:00Z\"}", 260000},
	    /* A clock that disagrees altogether is not believed. */
	    {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"1970-01-01T00:00:00Z\"}", 300000},
	    {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"2070-01-01T00:00:00Z\"}", 300000},
	    {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"yesterday\"}", 300000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autobuf body = BUF_INIT;
		struct token t = {0};

		buf_puts(&body, cases[i].text);
		print_message("  %s\n", cases[i].text);
		assert_int_equal(token_parse(&body, 1000, &t, NULL), 0);
		assert_int_equal(t.life_ms, cases[i].life_ms);
		assert_string_equal(t.value, "t");
		secret_free(t.value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passwords_stay_in_the_registrys_domain),
	    cmocka_unit_test(tokens_live_as_long_as_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

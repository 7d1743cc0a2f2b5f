/* SPDX-License-Identifier: MIT */
/* URLs of strangers: what is taken, what is refused, and where references lead. */
#include "registry/wire/url.h"
#include "store/base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parts_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *host, *target;
		unsigned port;
		bool tls;
	} cases[] = {
	    {"https://Reg.Example/v2/", "reg.example", "/v2/", 443, true},
	    {"http://localhost:5000", "localhost", "/", 5000, false},
	    {"HTTPS://h:8443?a=b#f", "h", "/?a=b", 8443, true},
	    {"https://[2001:DB8::1]:5000/x#frag", "[2001:db8::1]", "/x", 5000, true},
	    {"http://10.0.0.1/a%20b?c=/d", "10.0.0.1", "/a%20b?c=/d", 80, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autourl u = URL_INIT;

		assert_int_equal(url_parse(cases[i].text, &u, NULL), 0);
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.target, cases[i].target);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.tls, cases[i].tls);
	}
}

static void what_could_mislead_is_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "ftp://h/",
	    "file:///etc/passwd",
	    "imap://h/",
	    "//h/x",
	    "/x",
	    "https://",
	    "https:///x",
	    "https://:80/",
	    "https://user@h/",
	    "https://user:pass@h/",
	    "https://a.example@b.example/",
	    "https://h:0/",
	    "https://h:65536/",
	    "https://h:123456/",
	    "https://h:/",
	    "https://h:5a/",
	    "https://h/a b",
	    "https://h/a\nb",
	    "https://h/a\r\nX: y",
	    "https://h\\@evil/",
	    "https://h/\x01",
	    "https://h/\xc3\xa9",
	    "https://h%2eevil/",
	    "https://[::1/",
	    "https://[]/",
	    "https://[::1]x/",
	    "https://[fe80::1%25eth0]/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autourl u = URL_INIT;

		print_message("  %s\n", cases[i]);
		assert_int_equal(url_parse(cases[i], &u, NULL), -EPROTO);
		assert_null(u.host);
	}
}

static void references_are_seen_from_their_base(void **state)
{
	static const struct {
		const char *reference, *want;
	} cases[] = {
	    {"https://other/x?y", "https://other/x?y"},
	    {"//other:81/x", "https://other:81/x"},
	    {"/abs?q", "https://h:444/abs?q"},
	    {"rel", "https://h:444/a/rel"},
	    {"../up", "https://h:444/a/../up"},
	    {"?n=2", "https://h:444/a/b?n=2"},
	    {"", "https://h:444/a/b?c=d"},
	    {"#f", "https://h:444/a/b?c=d"},
	    {"x:y", NULL},
	    {"javascript:x", NULL},
	};
	autourl base = URL_INIT;

	(void)state;
	assert_int_equal(url_parse("https://h:444/a/b?c=d", &base, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autourl u = URL_INIT;
		int r = url_resolve(&base, cases[i].reference, &u, NULL);

		print_message("  %s\n", cases[i].reference);
		assert_int_equal(r, cases[i].want ? 0 : -EPROTO);
		if (r == 0) {
			autofree char *text = url_text(&u);

			assert_string_equal(text, cases[i].want);
		}
	}
}

static bool same_origin(const char *a, const char *b)
{
	autourl ua = URL_INIT;
	autourl ub = URL_INIT;

	assert_int_equal(url_parse(a, &ua, NULL), 0);
	assert_int_equal(url_parse(b, &ub, NULL), 0);
	return url_same_origin(&ua, &ub);
}

static void an_origin_is_scheme_host_and_port(void **state)
{
	(void)state;
	assert_true(same_origin("https://h/a", "https://H:443/b"));
	assert_false(same_origin("https://h/", "http://h:443/"));
	assert_false(same_origin("https://h/", "https://h:444/"));
	assert_false(same_origin("https://h/", "https://h.evil/"));
}

static void a_query_is_not_shown(void **state)
{
	autourl u = URL_INIT;

	(void)state;
	assert_int_equal(url_parse("https://cdn/blob?X-Signature=secret", &u, NULL), 0);
	autofree char *text = url_shown(&u);

	assert_string_equal(text, "https://cdn/blob");
}

static void a_component_is_encoded(void **state)
{
	autobuf b = BUF_INIT;

	(void)state;
	url_append_encoded(&b, "repository:a/b:pull&x=\r\n\xff~");
	assert_string_equal(b.data, "repository%3Aa%2Fb%3Apull%26x%3D%0D%0A%FF~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_are_taken_apart),
	    cmocka_unit_test(what_could_mislead_is_refused),
	    cmocka_unit_test(references_are_seen_from_their_base),
	    cmocka_unit_test(an_origin_is_scheme_host_and_port),
	    cmocka_unit_test(a_query_is_not_shown),
	    cmocka_unit_test(a_component_is_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

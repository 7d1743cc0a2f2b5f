/* SPDX-License-Identifier: MIT */
/* Stored credentials: which of a document are those of a registry. */
#include "registry/auth/creds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AUTH(text) "{\"auth\":\"" text "\"}"
#define A	   AUTH("YTph")	    /* a:a */
#define B	   AUTH("YjpiOmI=") /* b:b:b */

struct found {
	int code;
	char name[64], helper[64];
};

static struct found find(const char *text, const char *registry, const char *path)
{
	autojson *doc = NULL;
	autocredential c = {0};
	char *helper = NULL;
	struct found f = {0};

	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	f.code = creds_find(doc, registry, path, &c, &helper, NULL);
	snprintf(f.name, sizeof(f.name), "%s", c.username ? c.username : "");
	snprintf(f.helper, sizeof(f.helper), "%s", helper ? helper : "");
	free(helper);
	return f;
}

static void registries_are_found_by_every_key_that_is_in_use(void **state)
{
	static const struct {
		const char *key, *registry, *path;
		bool found;
	} cases[] = {
	    {"https://index.docker.io/v1/", "docker.io", "library/redis", true},
	    {"docker.io", "docker.io", "library/redis", true},
	    {"index.docker.io", "docker.io", "library/redis", true},
	    {"docker.io/library", "docker.io", "library/redis", true},
	    {"reg.example:5000", "reg.example:5000", "a/b", true},
	    {"https://reg.example:5000", "reg.example:5000", "a/b", true},
	    {"https://reg.example:5000/v2/", "reg.example:5000", "a/b", true},
	    {"reg.example:5000/v1/", "reg.example:5000", "a/b", true},
	    {"reg.example:5000/a", "reg.example:5000", "a/b", true},
	    {"reg.example:5000/a/b", "reg.example:5000", "a/b", true},
	    /* Another port, another host, another namespace: nobody's business. */
	    {"reg.example", "reg.example:5000", "a/b", false},
	    {"reg.example:5000", "reg.example", "a/b", false},
	    {"reg.example:5001", "reg.example:5000", "a/b", false},
	    {"a.reg.example", "reg.example", "a/b", false},
	    {"reg.example.evil", "reg.example", "a/b", false},
	    {"reg.example/c", "reg.example", "a/b", false},
	    {"reg.example/a/bc", "reg.example", "a/b", false},
	    {"https://index.docker.io/v1/", "index.docker.io.evil", "a/b", false},
	    {"https://index.docker.io/v1/", "ghcr.io", "a/b", false},
	    {"", "ghcr.io", "a/b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{\"auths\":{\"%s\":" A "}}", cases[i].key);
		print_message("  %s for %s/%s\n", cases[i].key, cases[i].registry, cases[i].path);
		assert_string_equal(find(text, cases[i].registry, cases[i].path).name,
				    cases[i].found ? "a" : "");
	}
}

static void the_longest_namespace_counts(void **state)
{
	static const char text[] = "{\"auths\":{\"h.io\":" A ",\"h.io/team\":" B "}}";

	(void)state;
	assert_string_equal(find(text, "h.io", "team/app").name, "b");
	assert_string_equal(find(text, "h.io", "teams/app").name, "a");
}

static void a_helper_comes_before_what_is_written(void **state)
{
	static const char text[] = "{\"auths\":{\"h.io\":" A ",\"g.io\":" A "},"
				   "\"credsStore\":\"store\",\"credHelpers\":{\"h.io\":\"own\"}}";

	(void)state;
	assert_string_equal(find(text, "h.io", "x").helper, "own");
	assert_string_equal(find(text, "g.io", "x").helper, "store");
	assert_string_equal(find(text, "g.io", "x").name, "");
}

static void odd_entries_are_nothing_or_an_error(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
	    {"{}", 0},
	    {"{\"auths\":{}}", 0},
	    {"{\"auths\":{\"h.io\":{}}}", 0},
	    {"{\"auths\":{\"h.io\":5}}", 0},
	    {"{\"auths\":[]}", 0},
	    {"{\"credHelpers\":{\"h.io\":\"\"}}", 0},
	    {"{\"auths\":{\"h.io\":" AUTH("") "}}", 0},
	    {"{\"auths\":{\"h.io\":" AUTH("YWJj") "}}", -EACCES},
	    {"{\"auths\":{\"h.io\":" AUTH("YTph\\t") "}}", -EACCES},
	    {"{\"auths\":{\"h.io\":" AUTH("\\n\\n") "}}", -EACCES},
	    {"{\"auths\":{\"h.io\":" AUTH("YT=h") "}}", -EACCES},
	    {"{\"auths\":{\"h.io\":" AUTH("====") "}}", -EACCES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct found f = find(cases[i].text, "h.io", "x");

		print_message("  %s\n", cases[i].text);
		assert_int_equal(f.code, cases[i].code);
		assert_string_equal(f.name, "");
	}
}

/* As base64(1) writes it, and docker and podman read it. */
static void base64_may_come_in_lines(void **state)
{
	static const char text[] = "{\"auths\":{\"a\":" AUTH("YjpjO\\r\\nmQ=\\n") "}}";
	autojson *doc = NULL;
	autocredential c = {0};
	char *helper;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	assert_int_equal(creds_find(doc, "a", "x", &c, &helper, NULL), 0);
	assert_string_equal(c.username, "b");
	assert_string_equal(c.password, "c:d");
}

static void passwords_may_hold_colons_and_end_in_nuls(void **state)
{
	static const char text[] = "{\"auths\":{\"a\":" B ",\"b\":" AUTH("YjpjAAA=") "}}";
	autojson *doc = NULL;
	autocredential one = {0};
	autocredential two = {0};
	char *helper;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	assert_int_equal(creds_find(doc, "a", "x", &one, &helper, NULL), 0);
	assert_string_equal(one.password, "b:b");
	assert_int_equal(creds_find(doc, "b", "x", &two, &helper, NULL), 0);
	assert_string_equal(two.password, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(registries_are_found_by_every_key_that_is_in_use),
	    cmocka_unit_test(the_longest_namespace_counts),
	    cmocka_unit_test(a_helper_comes_before_what_is_written),
	    cmocka_unit_test(odd_entries_are_nothing_or_an_error),
	    cmocka_unit_test(passwords_may_hold_colons_and_end_in_nuls),
	    cmocka_unit_test(base64_may_come_in_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

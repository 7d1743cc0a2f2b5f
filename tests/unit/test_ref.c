/* SPDX-License-Identifier: MIT */
/* References: docker's grammar, forms, and its texts for what is wrong. */
#include "store/oci/ref.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEX64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A50   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void check_string(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void names_get_their_full_and_familiar_form(void **state)
{
	static const struct {
		const char *in, *full, *familiar, *repository;
	} cases[] = {
	    {"redis", "docker.io/library/redis:latest", "redis:latest", "redis"},
	    {"redis:7", "docker.io/library/redis:7", "redis:7", "redis"},
	    {"team/app", "docker.io/team/app:latest", "team/app:latest", "team/app"},
	    {"docker.io/redis", "docker.io/library/redis:latest", "redis:latest", "redis"},
	    {"index.docker.io/redis:7", "docker.io/library/redis:7", "redis:7", "redis"},
	    {"index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest", "a/b"},
	    {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
	     "library/a/b"},
	    {"localhost/app", "localhost/app:latest", "localhost/app:latest", "localhost/app"},
	    {"localhost:5000/team/app:v1", "localhost:5000/team/app:v1",
	     "localhost:5000/team/app:v1", "localhost:5000/team/app"},
	    {"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000", "localhost"},
	    {"myhost/app", "docker.io/myhost/app:latest", "myhost/app:latest", "myhost/app"},
	    {"Foo/bar", "Foo/bar:latest", "Foo/bar:latest", "Foo/bar"},
	    {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000/x"},
	    {"ghcr.io/o/a@sha256:" HEX64, "ghcr.io/o/a@sha256:" HEX64, "ghcr.io/o/a@sha256:" HEX64,
	     "ghcr.io/o/a"},
	    {"redis:7@sha256:" HEX64, "docker.io/library/redis@sha256:" HEX64,
	     "redis@sha256:" HEX64, "redis"},
	    {"a__b/c---d.e_f:T.-_", "docker.io/a__b/c---d.e_f:T.-_", "a__b/c---d.e_f:T.-_",
	     "a__b/c---d.e_f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		autoref r = REF_INIT;
		struct err err;

		print_message("  %s\n", cases[i].in);
		assert_int_equal(ref_parse(cases[i].in, &r, &err), 0);
		check_string(ref_full(&r), cases[i].full);
		check_string(ref_familiar(&r), cases[i].familiar);
		check_string(ref_familiar_repository(&r), cases[i].repository);
	}
}

static void what_is_wrong_is_said_in_dockers_words(void **state)
{
	static const struct {
		const char *in, *text;
	} cases[] = {
	    {"", "invalid reference format"},
	    {"foo:", "invalid reference format"},
	    {"-foo", "invalid reference format"},
	    {"foo-", "invalid reference format"},
	    {"a..b", "invalid reference format"},
	    {"a___b", "invalid reference format"},
	    {"a.-b", "invalid reference format"},
	    {"a_/b", "invalid reference format"},
	    {"a//b", "invalid reference format"},
	    {"/a", "invalid reference format"},
	    {"a/", "invalid reference format"},
	    {"http://x/y", "invalid reference format"},
	    {"foo bar", "invalid reference format"},
	    {"foo\nbar", "invalid reference format"},
	    {"a_b.c/d", "invalid reference format"},
	    {"foo:.a", "invalid reference format"},
	    {"foo:a b", "invalid reference format"},
	    {"foo:" A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "invalid reference format"},
	    {"foo@", "invalid reference format"},
	    {"foo@sha256:abc", "invalid reference format"},
	    {"host:/x", "invalid reference format"},
	    {"host:50a/x", "invalid reference format"},
	    {"-host.io/x", "invalid reference format"},
	    {"[::1/x", "invalid reference format"},
	    {"[]:1/x", "invalid reference format"},
	    {"Busybox",
	     "invalid reference format: repository name (library/Busybox) must be lowercase"},
	    {"foo/Bar", "invalid reference format: repository name (foo/Bar) must be lowercase"},
	    {"Foo/Bar", "invalid reference format: repository name (Bar) must be lowercase"},
	    {HEX64,
	     "invalid repository name (" HEX64 "), cannot specify 64-byte hexadecimal strings"},
	    {A50 A50 A50 A50 A50 "aaaaaa", "repository name must not be more than 255 characters"},
	    {"foo@sha256:" A50, "invalid checksum digest length"},
	    {"foo@sha512:" HEX64, "invalid checksum digest length"},
	    {"foo@sha256:A" A50 "aaaaaaaaaaaaa", "invalid checksum digest format"},
	    {"foo@md5:" HEX64, "unsupported digest algorithm"},
	    {"foo@a+b.c-d_e:" HEX64, "unsupported digest algorithm"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		autoref r = REF_INIT;
		struct err err;

		print_message("  %s\n", cases[i].in);
		assert_int_equal(ref_parse(cases[i].in, &r, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].text);
		assert_null(r.domain);
	}
}

static void the_path_may_have_255_characters_beside_its_host(void **state)
{
	autoref r = REF_INIT;

	(void)state;
	assert_int_equal(ref_parse("example.org/" A50 A50 A50 A50 A50 "aaaaa", &r, NULL), 0);
	assert_int_equal(strlen(r.path), 255);
	/* "library/" counts. */
	assert_int_equal(ref_parse(A50 A50 A50 A50 "aaaa" A50, &r, NULL), -EINVAL);
}

static void a_repository_has_no_tag_and_no_digest(void **state)
{
	autoref r = REF_INIT;

	(void)state;
	assert_int_equal(ref_parse_repository("redis:7", &r, NULL), -EINVAL);
	assert_int_equal(ref_parse_repository("redis@sha256:" HEX64, &r, NULL), -EINVAL);
	assert_int_equal(ref_parse_repository("localhost:5000/redis", &r, NULL), 0);
	assert_string_equal(r.domain, "localhost:5000");
	assert_null(r.tag);
	check_string(ref_full(&r), "localhost:5000/redis");
}

static void a_copy_stands_alone(void **state)
{
	autoref a = REF_INIT;
	autoref b = REF_INIT;

	(void)state;
	assert_int_equal(ref_parse("redis:7@sha256:" HEX64, &a, NULL), 0);
	assert_int_equal(ref_copy(&b, &a, NULL), 0);
	ref_clear(&a);
	assert_string_equal(b.tag, "7");
	check_string(ref_full(&b), "docker.io/library/redis@sha256:" HEX64);
}

static void parts_are_told_apart(void **state)
{
	(void)state;
	assert_true(ref_is_tag("7.2-alpine_X"));
	assert_true(ref_is_tag("_"));
	assert_false(ref_is_tag(""));
	assert_false(ref_is_tag("-a"));
	assert_false(ref_is_tag(".a"));
	assert_false(ref_is_tag("a/b"));
	assert_false(ref_is_tag("sha256:aa"));
	assert_true(ref_is_path_component("a--b.c__d"));
	assert_false(ref_is_path_component(""));
	assert_false(ref_is_path_component("A"));
	assert_false(ref_is_path_component("a."));
	assert_false(ref_is_path_component(".git"));
	assert_true(ref_is_domain("localhost"));
	assert_true(ref_is_domain("localhost:5000"));
	assert_true(ref_is_domain("ghcr.io"));
	assert_true(ref_is_domain("Foo"));
	assert_false(ref_is_domain("foo"));
	assert_false(ref_is_domain("a_b.c"));
	assert_false(ref_is_domain(".hidden"));
	assert_false(ref_is_domain("a..b"));
	assert_false(ref_is_domain("host:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_get_their_full_and_familiar_form),
	    cmocka_unit_test(what_is_wrong_is_said_in_dockers_words),
	    cmocka_unit_test(the_path_may_have_255_characters_beside_its_host),
	    cmocka_unit_test(a_repository_has_no_tag_and_no_digest),
	    cmocka_unit_test(a_copy_stands_alone),
	    cmocka_unit_test(parts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* WWW-Authenticate in all the forms that registries and proxies send. */
#include "registry/wire/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parse(struct challenge_list *out, const char *a, const char *b)
{
	struct header_list h = HEADER_LIST_INIT;
	char line[1024];

	snprintf(line, sizeof(line), "WWW-Authenticate: %s\r\n", a);
	assert_int_equal(header_add(&h, line, strlen(line), NULL), 0);
	if (b) {
		snprintf(line, sizeof(line), "Www-authenticate: %s\r\n", b);
		assert_int_equal(header_add(&h, line, strlen(line), NULL), 0);
	}
	assert_int_equal(challenge_parse(&h, out, NULL), 0);
	header_clear(&h);
}

static void docker_hubs_challenge(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c,
	      "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
	      "scope=\"repository:library/redis:pull,push\",error=\"insufficient_scope\"",
	      NULL);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.list[0].scheme, CHALLENGE_BEARER);
	assert_string_equal(c.list[0].realm, "https://auth.docker.io/token");
	assert_string_equal(c.list[0].service, "registry.docker.io");
	assert_string_equal(c.list[0].scope, "repository:library/redis:pull,push");
	assert_string_equal(c.list[0].error, "insufficient_scope");
}

static void several_challenges_in_one_field(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c,
	      "Negotiate YWJj/+==, Basic realm=\"a, b=\\\"c\\\"\" , charset=UTF-8 ,, "
	      "bearer  Realm = \"r\" , service=s",
	      NULL);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.list[0].scheme, CHALLENGE_OTHER);
	assert_int_equal(c.list[1].scheme, CHALLENGE_BASIC);
	assert_string_equal(c.list[1].realm, "a, b=\"c\"");
	assert_int_equal(c.list[2].scheme, CHALLENGE_BEARER);
	assert_string_equal(c.list[2].realm, "r");
	assert_string_equal(c.list[2].service, "s");
	assert_ptr_equal(challenge_find(&c, CHALLENGE_BASIC), &c.list[1]);
}

static void several_fields(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c, "Negotiate", "Basic realm=x");
	assert_int_equal(c.count, 2);
	assert_string_equal(c.list[1].realm, "x");
}

static void a_scheme_without_parameters(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c, "Negotiate, Basic", NULL);
	assert_int_equal(c.count, 2);
	assert_null(c.list[1].realm);
}

static void the_first_of_two_equal_parameters_counts(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c, "Bearer realm=\"a\",realm=\"b\"", NULL);
	assert_string_equal(c.list[0].realm, "a");
}

static void what_is_malformed_ends_the_field(void **state)
{
	static const char *const cases[] = {
	    "",
	    ",",
	    "=",
	    "\"",
	    "Bearer realm=\"unterminated",
	    "Bearer =",
	    "Bearer a",
	    "Bearer realm",
	    "Bearer realm=",
	    "Bearer realm=,",
	    "Bearer \"x\"",
	    "@#$%^&*()",
	    "Bearer realm=\"a\" x",
	    "Basic\tb\t=\t\"c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autochallenges c = CHALLENGE_LIST_INIT;

		print_message("  %s\n", cases[i]);
		parse(&c, cases[i], NULL);
	}
}

static void no_more_than_the_limit_is_kept(void **state)
{
	autochallenges c = CHALLENGE_LIST_INIT;

	(void)state;
	parse(&c, "a x=1,b x=1,c x=1,d x=1,e x=1,f x=1,g x=1,h x=1,i x=1,j x=1", "Basic");
	assert_int_equal(c.count, CHALLENGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(docker_hubs_challenge),
	    cmocka_unit_test(several_challenges_in_one_field),
	    cmocka_unit_test(several_fields),
	    cmocka_unit_test(a_scheme_without_parameters),
	    cmocka_unit_test(the_first_of_two_equal_parameters_counts),
	    cmocka_unit_test(what_is_malformed_ends_the_field),
	    cmocka_unit_test(no_more_than_the_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

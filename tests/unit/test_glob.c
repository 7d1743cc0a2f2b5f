/* SPDX-License-Identifier: MIT */
#include "fs/docker/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void patterns_match_as_go_s_do(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
	    {"busybox", "busybox", true},
	    {"busy", "busybox", false},
	    {"busy*", "busybox:musl", true},
	    {"busy*:*libc", "busybox:uclibc", true},
	    {"*", "busybox", true},
	    {"*", "a/b", false},
	    {"*/*", "a/b", true},
	    {"a/*", "a/b/c", false},
	    {"docker.io/library/*", "docker.io/library/busybox", true},
	    {"*x*y*z", "axbyczz", true},
	    {"*x*y*z", "axbycz!", false},
	    {"b?sy", "busy", true},
	    {"a?b", "a/b", false},
	    {"[a-c]x", "bx", true},
	    {"[a-c]x", "dx", false},
	    {"[^a-c]x", "dx", true},
	    {"[^a-c]x", "ax", false},
	    {"[\\]a]", "]", true},
	    {"[a^]", "^", true},
	    {"a\\*b", "a*b", true},
	    {"a\\*b", "axb", false},
	    {"", "", true},
	    {"", "a", false},
	    {"a*", "a", true},
	    {"a**", "a", true},
	    {"[a]", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(glob_valid(cases[i].pattern));
		if (glob_match(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
	}
}

static void malformed_patterns_are_known(void **state)
{
	static const char *const patterns[] = {"[",    "[a",   "[]",  "[^]",
					       "[-a]", "[a-]", "a\\", "[a\\"};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (glob_valid(patterns[i]))
			fail_msg("%s", patterns[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(patterns_match_as_go_s_do),
	    cmocka_unit_test(malformed_patterns_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

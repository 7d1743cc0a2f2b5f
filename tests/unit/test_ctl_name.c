/* SPDX-License-Identifier: MIT */
/* What the name of a file in ctl/ asks. */
#include "fs/ctl/ctl_name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_name_is_a_verb_and_its_words(void **state)
{
	static const struct {
		const char *name;
		bool stranger;
		int code;
		const char *line, *why;
	} cases[] = {
	    {"images", false, 0, NULL, NULL},
	    {"images?", false, 0, "", NULL},
	    {"images?--digests redis:7", false, 0, "--digests redis:7", NULL},
	    {"inspect?ghcr.io%2Forg%2fapp:1", false, 0, "ghcr.io/org/app:1", NULL},
	    {"images?a?b%3F", false, 0, "a?b?", NULL},
	    {"images?%C3%A4", false, 0, "\xC3\xA4", NULL},
	    {"images?-a", true, 0, "-a", NULL},
	    {"none", false, -ENOENT, NULL, "no such control file"},
	    {"?-a", false, -ENOENT, NULL, "no such control file"},
	    {"image", false, -ENOENT, NULL, "no such control file"},
	    {"df?-v", true, -EACCES, NULL, "df is for the owner of the mount"},
	    {"login?x", false, -EINVAL, NULL, "login takes no arguments in its name"},
	    {"images?%", false, -EINVAL, NULL, "%: a % that is no escape"},
	    {"images?%4", false, -EINVAL, NULL, "%4: a % that is no escape"},
	    {"images?%4x", false, -EINVAL, NULL, "%4x: a % that is no escape"},
	    {"images?a%00b", false, -EINVAL, NULL, "a%00b: a % that is no escape"},
	    {"images?a%0Ab", false, -EINVAL, NULL, "a%0Ab: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_name got;
		struct err err = {0};

		if (ctl_name_parse(cases[i].name, !cases[i].stranger, &got, &err) != cases[i].code)
			fail_msg("%s: %s", cases[i].name, err.text);
		if (cases[i].line)
			assert_string_equal(got.line, cases[i].line);
		else
			assert_null(got.line);
		if (cases[i].why && !strstr(err.text, cases[i].why))
			fail_msg("%s: %s", cases[i].name, err.text);
		free(got.line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_a_verb_and_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/oci/platform.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct platform parsed(const char *text)
{
	struct platform p;
	struct err err = {0};

	if (platform_parse(text, &p, &err))
		fail_msg("%s: %s", text, err.text);
	return p;
}

static void names_have_one_normal_form(void **state)
{
	static const char *const cases[][2] = {
	    {"linux/amd64", "linux/amd64"},
	    {"Linux/AMD64", "linux/amd64"},
	    {"linux/x86_64", "linux/amd64"},
	    {"linux/x86-64", "linux/amd64"},
	    {"linux/amd64/v1", "linux/amd64"},
	    {"linux/amd64/v3", "linux/amd64/v3"},
	    {"linux/i386", "linux/386"},
	    {"linux/aarch64", "linux/arm64"},
	    {"linux/arm64/v8", "linux/arm64"},
	    {"linux/arm64/8", "linux/arm64"},
	    {"linux/arm64/v8.0", "linux/arm64"},
	    {"linux/arm64/v9.0", "linux/arm64/v9"},
	    {"linux/arm64/8.5", "linux/arm64/v8.5"},
	    {"linux/arm", "linux/arm/v7"},
	    {"linux/arm/7", "linux/arm/v7"},
	    {"linux/arm/6", "linux/arm/v6"},
	    {"linux/armhf", "linux/arm/v7"},
	    {"linux/armel", "linux/arm/v6"},
	    {"macos/arm64", "darwin/arm64"},
	    {"windows/amd64", "windows/amd64"},
	    {"linux/s390x", "linux/s390x"},
	    {"s390x", "linux/s390x"},
	};
	char text[PLATFORM_TEXT_MAX];
	struct platform p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		p = parsed(cases[i][0]);
		assert_string_equal(platform_text(&p, text), cases[i][1]);
	}
}

static void malformed_platforms_are_refused_in_docker_s_words(void **state)
{
	static const char *const cases[][2] = {
	    {"foo", "\"foo\": unknown operating system or architecture"},
	    {"linux/*", "\"linux/*\": wildcards not yet supported"},
	    {"a/b/c/d", "cannot parse platform specifier"},
	    {"", "cannot parse"},
	    {"linux/", "cannot parse"},
	    {"linux//v7", "cannot parse"},
	    {"/amd64", "cannot parse"},
	    {"li nux/amd64", "invalid platform"},
	    {"linux/a\nb", "invalid platform"},
	};
	struct platform p;
	struct err err;
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(platform_parse(cases[i][0], &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i][1]));
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(platform_parse(text, &p, &err), -EINVAL);
	memcpy(text, "linux/", 6);
	text[6 + PLATFORM_PART_MAX] = '\0';
	assert_int_equal(platform_parse(text, &p, &err), -EINVAL);
	text[6 + PLATFORM_PART_MAX - 1] = '\0';
	assert_int_equal(platform_parse(text, &p, &err), 0);
	assert_int_equal(platform_set(&p, "linux", "../../etc", NULL, &err), -EINVAL);
}

static void one_word_is_completed_from_the_host(void **state)
{
	struct platform host, p;

	(void)state;
	platform_host(&host);
	p = parsed("linux");
	assert_true(platform_equal(&p, &host));
	p = parsed(host.architecture);
	assert_true(platform_equal(&p, &host));
}

/* The first of `have` serves best, each one better than the next; those behind "|" do not serve. */
static void assert_order(const char *wish, const char *const *have)
{
	struct platform w = parsed(wish), h;
	int last = -1, rank;
	bool serves = true;

	for (; *have; have++) {
		if (strcmp(*have, "|") == 0) {
			serves = false;
			continue;
		}
		h = parsed(*have);
		rank = platform_rank(&w, &h);
		if (serves ? rank <= last : rank >= 0)
			fail_msg("%s for %s: rank %d after %d", *have, wish, rank, last);
		last = rank;
	}
}

static void fallbacks_come_in_containerd_s_order(void **state)
{
	(void)state;
	assert_order("linux/amd64/v3",
		     (const char *[]){"linux/amd64/v3", "linux/amd64/v2", "linux/amd64",
				      "linux/386", "|", "linux/amd64/v4", "linux/arm64",
				      "windows/amd64", "linux/arm", NULL});
	assert_order("linux/amd64", (const char *[]){"linux/amd64", "linux/386", "|",
						     "linux/amd64/v2", "freebsd/amd64", NULL});
	assert_order("linux/arm/v7",
		     (const char *[]){"linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "|",
				      "linux/arm/v8", "linux/arm64", NULL});
	assert_order("linux/arm/v6",
		     (const char *[]){"linux/arm/v6", "linux/arm/v5", "|", "linux/arm/v7", NULL});
	assert_order("linux/arm64",
		     (const char *[]){"linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6",
				      "linux/arm/v5", "|", "linux/arm64/v8.1", "linux/arm64/v9",
				      "linux/amd64", NULL});
	assert_order("linux/arm64/v9.2",
		     (const char *[]){"linux/arm64/v9.2", "linux/arm64/v9.1", "linux/arm64/v9",
				      "linux/arm64/v8.7", "linux/arm64/v8.1", "linux/arm64",
				      "linux/arm/v8", "linux/arm/v5", "|", "linux/arm64/v9.3",
				      "linux/arm64/v8.8", NULL});
	assert_order("linux/386", (const char *[]){"linux/386", "|", "linux/amd64", NULL});
	assert_order("linux/riscv64", (const char *[]){"linux/riscv64", "|", "linux/riscv64/x",
						       "linux/amd64", NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_have_one_normal_form),
	    cmocka_unit_test(malformed_platforms_are_refused_in_docker_s_words),
	    cmocka_unit_test(one_word_is_completed_from_the_host),
	    cmocka_unit_test(fallbacks_come_in_containerd_s_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

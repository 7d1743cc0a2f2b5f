/* SPDX-License-Identifier: MIT */
#include "fs/docker/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* What an argument line gives, as one string: "q1 n0 format=json filters=a,b operands=x,y". */
static const char *parse(const char *line)
{
	static char result[2048];
	static struct err err;
	bool quiet = false, no_trunc = false;
	const char *format = "";
	autowords words = WORDS_INIT, filters = WORDS_INIT, operands = WORDS_INIT;
	const struct args_option options[] = {
	    {.name = "quiet", .letter = 'q', .flag = &quiet},
	    {.name = "no-trunc", .flag = &no_trunc},
	    {.name = "format", .value = &format},
	    {.name = "filter", .letter = 'f', .list = &filters},
	    {0},
	};
	int len;

	memset(&err, 0, sizeof(err));
	if (words_split(line, &words, &err) < 0 ||
	    args_parse(&words, options, &operands, &err) < 0) {
		assert_int_equal(err.code, EINVAL);
		return err.text;
	}
	len =
	    snprintf(result, sizeof(result), "q%d n%d format=%s filters=", quiet, no_trunc, format);
	for (size_t i = 0; i < filters.count; i++)
		len += snprintf(result + len, sizeof(result) - (size_t)len, "%s,", filters.at[i]);
	len += snprintf(result + len, sizeof(result) - (size_t)len, " operands=");
	for (size_t i = 0; i < operands.count; i++)
		len += snprintf(result + len, sizeof(result) - (size_t)len, "%s,", operands.at[i]);
	return result;
}

static void options_are_taken_in_every_form(void **state)
{
	static const struct {
		const char *line, *result;
	} cases[] = {
	    {"", "q0 n0 format= filters= operands="},
	    {" \t redis:7 \n", "q0 n0 format= filters= operands=redis:7,"},
	    {"-q --no-trunc", "q1 n1 format= filters= operands="},
	    {"--quiet=false -q=0", "q0 n0 format= filters= operands="},
	    {"--format json x", "q0 n0 format=json filters= operands=x,"},
	    {"--format=json x", "q0 n0 format=json filters= operands=x,"},
	    {"--format=", "q0 n0 format= filters= operands="},
	    {"-f a=b -fc=d -f=e=f --filter g=h",
	     "q0 n0 format= filters=a=b,c=d,e=f,g=h, operands="},
	    {"-qf a=b", "q1 n0 format= filters=a=b, operands="},
	    {"-qfa", "q1 n0 format= filters=a, operands="},
	    {"x -q y", "q1 n0 format= filters= operands=x,y,"},
	    {"-- -q --x", "q0 n0 format= filters= operands=-q,--x,"},
	    {"- x", "q0 n0 format= filters= operands=-,x,"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(parse(cases[i].line), cases[i].result);
}

static void quotes_hold_words_together(void **state)
{
	static const struct {
		const char *line, *result;
	} cases[] = {
	    {"'a b' \"c d\" e\\ f", "q0 n0 format= filters= operands=a b,c d,e f,"},
	    {"'a\\b' \"c\\\"d\" x'y'\"z\"", "q0 n0 format= filters= operands=a\\b,c\"d,xyz,"},
	    {"'' x", "q0 n0 format= filters= operands=,x,"},
	    {"--filter 'reference=a b'", "q0 n0 format= filters=reference=a b, operands="},
	    {"'a", "a quote (') without its end"},
	    {"\"a\\\"", "a quote (\") without its end"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(parse(cases[i].line), cases[i].result);
}

static void mistakes_are_told_in_docker_s_words(void **state)
{
	static const struct {
		const char *line, *result;
	} cases[] = {
	    {"--nope", "unknown flag: --nope"},
	    {"--nope=1", "unknown flag: --nope"},
	    {"-qx", "unknown shorthand flag: 'x' in -x"},
	    {"--format", "flag needs an argument: --format"},
	    {"-qf", "flag needs an argument: 'f' in -qf"},
	    {"--=x", "bad flag syntax: --=x"},
	    {"---x", "bad flag syntax: ---x"},
	    {"-q=maybe", "invalid argument \"maybe\" for \"-q, --quiet\" flag: strconv.ParseBool: "
			 "parsing \"maybe\": invalid syntax"},
	    {"--no-trunc=", "invalid argument \"\" for \"--no-trunc\" flag: strconv.ParseBool: "
			    "parsing \"\": invalid syntax"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(parse(cases[i].line), cases[i].result);
}

static void the_number_of_operands_is_checked(void **state)
{
	autowords none = WORDS_INIT, two = WORDS_INIT;
	struct err err;

	(void)state;
	assert_int_equal(words_split("a b", &two, NULL), 0);
	assert_int_equal(args_count("pull", &two, 1, 2, &err), 0);
	assert_int_equal(args_count("pull", &none, 1, 1, &err), -EINVAL);
	assert_string_equal(err.text, "'pull' requires 1 argument");
	args_count("tag", &none, 2, 2, &err);
	assert_string_equal(err.text, "'tag' requires 2 arguments");
	args_count("rmi", &none, 1, 100, &err);
	assert_string_equal(err.text, "'rmi' requires at least 1 argument");
	args_count("images", &two, 0, 1, &err);
	assert_string_equal(err.text, "'images' requires at most 1 argument");
	args_count("prune", &two, 0, 0, &err);
	assert_string_equal(err.text, "'prune' accepts no arguments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_are_taken_in_every_form),
	    cmocka_unit_test(quotes_hold_words_together),
	    cmocka_unit_test(mistakes_are_told_in_docker_s_words),
	    cmocka_unit_test(the_number_of_operands_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

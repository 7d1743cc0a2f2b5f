/* SPDX-License-Identifier: MIT */
#include "fs/core/outcomes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	return outcomes_open((struct outcomes **)state, NULL);
}

static int teardown(void **state)
{
	outcomes_close(*state);
	return 0;
}

/* Requests NAME-first … of a verb, all well. */
static void add(struct outcomes *o, const char *verb, unsigned first, unsigned count)
{
	struct err err = {0};
	char request[32];

	for (unsigned i = first; i < first + count; i++) {
		snprintf(request, sizeof(request), "request-%u", i);
		outcomes_add(o, verb, request, "done\n", 0, &err);
	}
}

/* Exactly these are shown of it, in their order. */
static void assert_shows(struct outcomes *o, const char *verb, unsigned first, unsigned count)
{
	autobuf out = BUF_INIT;
	const char *at;
	char wanted[64];

	outcomes_print(o, verb, &out);
	buf_putc(&out, '\0');
	assert_false(buf_failed(&out));
	at = out.data;
	for (unsigned i = first; i < first + count; i++) {
		snprintf(wanted, sizeof(wanted), " %s request-%u: ok\n    done\n", verb, i);
		at += strcspn(at, " ");
		assert_memory_equal(at, wanted, strlen(wanted));
		at += strlen(wanted);
	}
	assert_string_equal(at, "");
}

static void a_verb_shows_its_last_requests_the_oldest_first(void **state)
{
	assert_shows(*state, "pull", 0, 0);
	add(*state, "pull", 0, 3);
	assert_shows(*state, "pull", 0, 3);
	add(*state, "pull", 3, 20);
	assert_shows(*state, "pull", 23 - OUTCOMES_MAX, OUTCOMES_MAX);
}

static void a_thousand_requests_of_one_verb_push_out_none_of_another(void **state)
{
	add(*state, "pull", 0, 5);
	add(*state, "tag", 0, 1000);
	add(*state, "pull", 5, 1);
	assert_shows(*state, "pull", 0, 6);
	assert_shows(*state, "tag", 1000 - OUTCOMES_MAX, OUTCOMES_MAX);
}

static void a_failure_shows_its_sentence(void **state)
{
	struct err err = {0};
	autobuf out = BUF_INIT;

	err_set(&err, ENOENT, "No such image: nope");
	outcomes_add(*state, "rmi", "nope", "", -ENOENT, &err);
	outcomes_print(*state, "rmi", &out);
	buf_putc(&out, '\0');
	assert_non_null(strstr(out.data, " rmi nope: ENOENT\n    No such image: nope\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_verb_shows_its_last_requests_the_oldest_first),
	    TEST(a_thousand_requests_of_one_verb_push_out_none_of_another),
	    TEST(a_failure_shows_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

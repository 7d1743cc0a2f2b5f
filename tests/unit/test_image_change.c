/* SPDX-License-Identifier: MIT */
/* The changes of docker import -c, as docker applies them. */
#include "store/archive/image_change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* The config that changes (up to three; NULL: none) lead to. */
static void check(const char *wanted, const char *a, const char *b, const char *c)
{
	const char *const changes[] = {a, b, c};
	autojson *config = json_object_new_object();
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		if (changes[i] && image_change_apply(config, changes[i], &err))
			fail_msg("%s: %s", changes[i], err.text);
	assert_string_equal(json_object_to_json_string_ext(
				config, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			    wanted);
}

static void refused(const char *change, const char *text)
{
	autojson *config = json_object_new_object();
	struct err err = {0};

	assert_int_equal(image_change_apply(config, change, &err), -EINVAL);
	assert_non_null(strstr(err.text, text));
}

static void commands_have_an_exec_and_a_shell_form(void **state)
{
	(void)state;
	check("{\"Cmd\":[\"/bin/sh\",\"-c\",\"a  b\"]}", "cmd ls", "CMD ls -l", "CMD a  b ");
	check("{\"Entrypoint\":[\"a\",\"b c\"]}", "ENTRYPOINT [ \"a\", \"b c\" ]", NULL, NULL);
	check("{\"Cmd\":[]}", "CMD []", NULL, NULL);
	check("{\"Cmd\":[\"/bin/sh\",\"-c\",\"[ -e x ]\"]}", "CMD [ -e x ]", NULL, NULL);
	check("{\"Cmd\":[\"/bin/sh\",\"-c\",\"[1]\"]}", "CMD [1]", NULL, NULL);
}

static void variables_of_env_are_expanded(void **state)
{
	(void)state;
	check("{\"Env\":[\"A=2\",\"B=1x\"]}", "ENV A=1", "ENV B=${A}x", "ENV A=2");
	check("{\"Env\":[\"A=$B \\\" c\",\"N=\"]}", "ENV A='$B \" c' N=$NONE", NULL, NULL);
	check("{\"Env\":[\"A=a b  c\"]}", "ENV A a b  c", NULL, NULL);
	check("{\"Env\":[\"A=1\"],\"WorkingDir\":\"/1/x\"}", "ENV A=1", "WORKDIR /$A/",
	      "WORKDIR x");
	check("{\"Labels\":{\"a.b\":\"c d\",\"e\":\"\"}}", "LABEL a.b=\"c d\" e=", NULL, NULL);
	check("{\"Labels\":{\"k\":\"old form\"}}", "LABEL k old form", NULL, NULL);
}

static void ports_volumes_and_words(void **state)
{
	(void)state;
	check("{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}", "EXPOSE 80 53/UDP", NULL, NULL);
	check("{\"Volumes\":{\"/a\":{},\"/b c\":{}}}", "VOLUME [\"/a\",\"/b c\"]", NULL, NULL);
	check("{\"User\":\"1:2\",\"StopSignal\":\"SIGINT\"}", "USER 1:2", "STOPSIGNAL SIGINT",
	      NULL);
	check("{\"OnBuild\":[\"RUN a\",\"RUN b\"]}", "ONBUILD RUN a", "ONBUILD RUN b", NULL);
}

static void health_checks(void **state)
{
	(void)state;
	check("{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", "HEALTHCHECK none", NULL, NULL);
	check("{\"Healthcheck\":{\"Interval\":90500000000,\"Test\":[\"CMD\",\"a\",\"b\"]}}",
	      "HEALTHCHECK --interval=1m30.5s CMD [\"a\",\"b\"]", NULL, NULL);
	refused("HEALTHCHECK --interval=x CMD a", "invalid duration");
	refused("HEALTHCHECK --interval=5 CMD a", "invalid duration");
	refused("HEALTHCHECK --retries=0 CMD a", "at least 1");
	refused("HEALTHCHECK --other=1 CMD a", "Unknown flag");
	refused("HEALTHCHECK a", "Unknown type");
	refused("HEALTHCHECK CMD", "Unknown type");
}

static void what_is_no_change_is_refused(void **state)
{
	(void)state;
	refused("RUN ls", "RUN is not a valid change command");
	refused("", "is not a valid change command");
	refused("CMD", "requires at least one argument");
	refused("ENV A", "must have two arguments");
	refused("ENV A=1 B", "can't find =");
	refused("ENV =1", "can not be blank");
	refused("ENV A=\"1", "malformed");
	refused("EXPOSE 80/icmp", "invalid containerPort");
	refused("EXPOSE 70000", "invalid containerPort");
	refused("EXPOSE 9-8", "invalid containerPort");
	refused("EXPOSE -1", "invalid containerPort");
	refused("ONBUILD ONBUILD RUN a", "Chaining");
	refused("ONBUILD from x", "isn't allowed");
	refused("VOLUME [\"\"]", "empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_have_an_exec_and_a_shell_form),
	    cmocka_unit_test(variables_of_env_are_expanded),
	    cmocka_unit_test(ports_volumes_and_words),
	    cmocka_unit_test(health_checks),
	    cmocka_unit_test(what_is_no_change_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

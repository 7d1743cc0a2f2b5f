/* SPDX-License-Identifier: MIT */
/* A Dockerfile of an image's history: each builder's way to write it, and what a stranger may write. */
#include "fs/docker/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

/* The whole of a config with that "config" and a history of such lines. */
static char *recipe_of(const char *settings, const char *const *lines, size_t count)
{
	autojson *doc = json_object_new_object();
	autojson *of_settings = NULL;
	AUTO(config_free) struct config *c = NULL;
	struct json_object *history = json_object_new_array();
	struct err err = {0};
	struct buf out = BUF_INIT;
	const char *text;

	assert_int_equal(json_parse(settings, strlen(settings), &of_settings, &err), 0);
	json_object_object_add(doc, "config", json_object_get(of_settings));
	json_object_object_add(doc, "history", history);
	for (size_t i = 0; i < count; i++) {
		struct json_object *h = json_object_new_object();

		json_object_object_add(h, "created_by", json_object_new_string(lines[i]));
		json_object_object_add(h, "empty_layer", json_object_new_boolean(true));
		json_object_array_add(history, h);
	}
	text = json_object_to_json_string(doc);
	if (config_parse(text, strlen(text), &c, &err) || recipe_print(c, NULL, &out, &err))
		fail_msg("%s", err.text);
	return buf_steal(&out);
}

/* What stands behind FROM, for one line of history. */
static void check_with(const char *settings, const char *created_by, const char *wanted)
{
	char *text = recipe_of(settings, &created_by, 1);
	const char *from = strstr(text, "\nFROM scratch\n");

	assert_non_null(from);
	assert_string_equal(from + strlen("\nFROM scratch\n"), wanted);
	free(text);
}

static void check(const char *created_by, const char *wanted)
{
	check_with("{}", created_by, wanted);
}

static void what_the_classic_builder_writes(void **state)
{
	(void)state;
	check("/bin/sh -c #(nop) ADD file:0123ab in / ", "ADD file:0123ab /\n");
	check("/bin/sh -c #(nop) COPY multi:0123ab in /a b/ ", "COPY multi:0123ab /a b/\n");
	check("/bin/sh -c #(nop)  CMD [\"nginx\" \"-g\" \"daemon off;\"]",
	      "CMD [\"nginx\", \"-g\", \"daemon off;\"]\n");
	check("/bin/sh -c #(nop)  ENTRYPOINT [\"/a\"]", "ENTRYPOINT [\"/a\"]\n");
	check("/bin/sh -c #(nop)  EXPOSE 80/tcp 443/tcp", "EXPOSE 80/tcp 443/tcp\n");
	check("/bin/sh -c #(nop)  VOLUME [/data /more]", "VOLUME [\"/data\", \"/more\"]\n");
	check("/bin/sh -c #(nop) WORKDIR /x", "WORKDIR /x\n");
	check("/bin/sh -c #(nop)  MAINTAINER Ann <ann@example.org>",
	      "MAINTAINER Ann <ann@example.org>\n");
	check("/bin/sh -c apt-get update", "RUN apt-get update\n");
	check("|2 A=1 B=x y /bin/sh -c make $B", "# build arguments: A=1 B=x y\nRUN make $B\n");
}

static void what_buildkit_writes(void **state)
{
	(void)state;
	check("RUN /bin/sh -c make # buildkit", "RUN make\n");
	check("RUN |1 A=/bin/sh /bin/sh -c make # buildkit",
	      "# build arguments: A=/bin/sh\nRUN make\n");
	check("COPY a b /dest/ # buildkit", "COPY a b /dest/\n");
	check("ENV PATH=/usr/bin:/bin", "ENV PATH=/usr/bin:/bin\n");
	check("EXPOSE map[80/tcp:{} 9/udp:{}]", "EXPOSE 80/tcp 9/udp\n");
	check("CMD [\"/bin/sh\" \"-c\" \"echo \\\"x\\\"\"]",
	      "CMD [\"/bin/sh\", \"-c\", \"echo \\\"x\\\"\"]\n");
	check("WORKDIR /app", "WORKDIR /app\n");
	check("|0 /bin/sh -c make", "RUN make\n");
	check("RUN echo # buildkit is not at the end", "RUN echo # buildkit is not at the end\n");
}

static void what_is_no_instruction_is_a_comment(void **state)
{
	(void)state;
	check("apko", "# not an instruction: apko\n");
	check("bazel build ...", "# not an instruction: bazel build ...\n");
	check("", "# the history does not say how\n");
	check("FROM somewhere", "# not an instruction: FROM somewhere\n");
}

static void a_command_has_its_lines_again(void **state)
{
	(void)state;
	check("/bin/sh -c a     && b &&  c\t\td", "RUN a \\\n    && b &&  c\\\n\t\td\n");
	check("/bin/sh -c a     # b", "RUN a     # b\n");
	check("/bin/sh -c     a", "RUN     a\n");
}

static void a_script_is_a_here_document_that_ends_where_it_ends(void **state)
{
	(void)state;
	check("RUN /bin/sh -c set -e\necho a\r\n # buildkit", "RUN <<EOF\nset -e\necho a\nEOF\n");
	check("RUN /bin/sh -c cat <<EOF >x\nEOF\nRUN evil\n # buildkit",
	      "RUN <<EOF1\ncat <<EOF >x\nEOF\nRUN evil\nEOF1\n");
	check("/bin/sh -c EOF7\nEOF3\nEOF9x\nxEOF", "RUN <<EOF8\nEOF7\nEOF3\nEOF9x\nxEOF\nEOF8\n");
	check("/bin/sh -c cat <<X", "RUN <<EOF\ncat <<X\nEOF\n");
	check("/bin/sh -c a \\ ", "RUN <<EOF\na \\\nEOF\n");
	check("COPY <<EOF /x # buildkit", "# no instruction: COPY <<EOF /x\n");
	check("ONBUILD RUN cat <<EOF", "# no instruction: ONBUILD RUN cat <<EOF\n");
	check("ENV A=x\nRUN evil", "# no instruction: ENV A=x RUN evil\n");
	check("USER a\\", "# no instruction: USER a\\\n");
	check("EXPOSE map[80\\]", "# no instruction: EXPOSE 80\\\n");
	check_with("{\"User\":\"a\\\\\"}", "ENV A=1",
		   "ENV A=1\n# In the config, and in no step:\n# no instruction: USER a\\\n");
}

static void the_shell_of_a_run_is_that_of_the_last_shell(void **state)
{
	static const char *const lines[] = {
	    "/bin/sh -c one",
	    "/bin/sh -c #(nop)  SHELL [/bin/bash -o pipefail -c]",
	    "/bin/bash -o pipefail -c two",
	    "RUN /bin/bash -o pipefail -c three # buildkit",
	    "/bin/bash -o pipefail -c #(nop)  CMD [\"x\"]",
	    "RUN |1 A=b /bin/bash -o pipefail -c four # buildkit",
	};
	char *text = recipe_of("{}", lines, 6);

	(void)state;
	assert_non_null(strstr(text, "FROM scratch\n"
				     "RUN one\n"
				     "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n"
				     "RUN two\n"
				     "RUN three\n"
				     "CMD [\"x\"]\n"
				     "# build arguments: A=b\n"
				     "RUN four\n"));
	free(text);
	check_with("{\"Shell\":[\"/bin/ash\",\"-c\"]}", "RUN /bin/ash -c x # buildkit",
		   "SHELL [\"/bin/ash\", \"-c\"]\nRUN x\n");
}

static void what_the_config_knows_better(void **state)
{
	(void)state;
	check_with("{\"Env\":[\"A=b c $d\"]}", "ENV A=b c $d", "ENV A=\"b c \\$d\"\n");
	check_with("{\"Env\":[\"A=b\",\"C=d\"]}", "ENV A=b C=d", "ENV A=b C=d\n");
	check_with("{\"Labels\":{\"maintainer\":\"Ann <a@b>\"}}",
		   "/bin/sh -c #(nop)  LABEL maintainer=Ann <a@b>",
		   "LABEL maintainer=\"Ann <a@b>\"\n");
	check_with("{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl x\"],\"Interval\":30000000000,"
		   "\"Timeout\":1500000000,\"Retries\":3}}",
		   "HEALTHCHECK &{[\"CMD-SHELL\" \"curl x\"] \"30s\" \"1.5s\" \"0s\" '\\x03'}",
		   "HEALTHCHECK --interval=30s --timeout=1500000000ns --retries=3 CMD curl x\n");
	check("HEALTHCHECK &{[\"NONE\"]}", "# no instruction: HEALTHCHECK &{[\"NONE\"]}\n");
}

static void what_no_step_says_comes_from_the_config(void **state)
{
	(void)state;
	check_with("{\"Env\":[\"P=/bin\",\"Q=\"],\"Labels\":{\"a b\":\"1\"},\"WorkingDir\":\"/w\","
		   "\"User\":\"me\",\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/v\":{}},"
		   "\"StopSignal\":\"SIGINT\",\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\",\"d\"]}",
		   "/bin/sh -c x",
		   "RUN x\n# In the config, and in no step:\nENV P=/bin\nENV Q=\"\"\n"
		   "LABEL \"a b\"=\"1\"\nWORKDIR /w\nUSER me\nEXPOSE 80/tcp\nVOLUME [\"/v\"]\n"
		   "STOPSIGNAL SIGINT\nENTRYPOINT [\"e\"]\nCMD [\"c\", \"d\"]\n");
	check_with("{\"Cmd\":[\"c\"]}", "CMD [\"x\"]", "CMD [\"x\"]\n");
}

static void nothing_reaches_a_terminal_as_a_control_code(void **state)
{
	static const char evil[] = "\x1b]0;x\x07\xc2\x9b\xe2\x80\xae\x7f\b";
	static const char *const fronts[] = {
	    "/bin/sh -c ",
	    "RUN /bin/sh -c a\n",
	    "CMD [\"a\" \"",
	    "ENV A=",
	    "|1 A=/bin/sh -c ",
	    "COPY file:",
	    "EXPOSE map[",
	    "LABEL x=\n",
	    "",
	    "VOLUME [/a ",
	    "SHELL [/bin/x ",
	    "ONBUILD ",
	    "HEALTHCHECK &{[\"CMD",
	    "/bin/sh -c #(nop)  USER ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
		autobuf line = BUF_INIT;
		const char *lines[1];
		char *text;

		buf_printf(&line, "%s%s", fronts[i], evil);
		lines[0] = line.data;
		text =
		    recipe_of("{\"User\":\"\\u001b[0m\",\"Env\":[\"A\\u001b=\\u009b\"],"
			      "\"Cmd\":[\"\\u001b\\u202e\"],\"Labels\":{\"l\\u0007\":\"\\u007f\"},"
			      "\"Healthcheck\":{\"Test\":[\"CMD\",\"\\u001b\"]}}",
			      lines, 1);
		for (const char *s = text; *s; s++)
			if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f)
				fail_msg("%s: has %02x", fronts[i], *s);
		assert_null(strstr(text, "\xc2\x9b"));
		assert_null(strstr(text, "\xe2\x80\xae"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_classic_builder_writes),
	    cmocka_unit_test(what_buildkit_writes),
	    cmocka_unit_test(what_is_no_instruction_is_a_comment),
	    cmocka_unit_test(a_command_has_its_lines_again),
	    cmocka_unit_test(a_script_is_a_here_document_that_ends_where_it_ends),
	    cmocka_unit_test(the_shell_of_a_run_is_that_of_the_last_shell),
	    cmocka_unit_test(what_the_config_knows_better),
	    cmocka_unit_test(what_no_step_says_comes_from_the_config),
	    cmocka_unit_test(nothing_reaches_a_terminal_as_a_control_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

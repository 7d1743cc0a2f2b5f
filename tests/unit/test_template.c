/* SPDX-License-Identifier: MIT */
#include "fs/rows.h"
#include "fs/template.h"

#include "store/json.h"
#include "store/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char document[] = "{\"Name\":\"redis\",\"Empty\":\"\",\"Size\":12,\"Tags\":[\"b\","
			       "\"a\"],\"Config\":{\"Env\":[\"A=1\",\"B=<2>\"],"
			       "\"Labels\":{\"z\":\"1\",\"a.b\":\"2\"},\"Flag\":true}}";

static void assert_says(const char *template, const char *wanted)
{
	autojson *o = json_tokener_parse(document);
	autobuf out = BUF_INIT;
	struct err err = {0};

	if (template_run(template, o, &out, &err))
		fail_msg("%s: %s", template, err.text);
	buf_putc(&out, '\0');
	if (strcmp(out.data, wanted) != 0)
		fail_msg("%s: is \"%s\", should be \"%s\"", template, out.data, wanted);
}

static void what_docker_users_write(void **state)
{
	static const char *const cases[][2] = {
	    {"plain", "plain"},
	    {"{{.Name}}:{{ .Size }}", "redis:12"},
	    {"{{json .Name}} {{json .Config.Env}}", "\"redis\" [\"A=1\",\"B=\\u003c2\\u003e\"]"},
	    {"{{.Tags}} {{.Config.Labels}}", "[b a] map[a.b:2 z:1]"},
	    {"{{.Config.Nothing}}", "<no value>"},
	    {"{{upper .Name}} {{.Name | upper | lower}} {{title .Name}}", "REDIS redis Redis"},
	    {"{{len .Tags}} {{len .Name}}", "2 5"},
	    {"{{index .Tags 1}} {{index .Config.Labels \"a.b\"}}", "a 2"},
	    {"{{join .Tags \", \"}} {{join (split \"x/y\" \"/\") \"-\"}}", "b, a x-y"},
	    {"{{truncate .Name 3}}|{{pad .Name 1 2}}|", "red| redis  |"},
	    {"{{range .Config.Env}}[{{.}}]{{end}}", "[A=1][B=<2>]"},
	    {"{{range .Empty}}x{{else}}none{{end}}", "none"},
	    {"{{if .Empty}}yes{{else}}no{{end}}", "no"},
	    {"{{if eq .Name \"redis\"}}it{{else if .Empty}}x{{else}}y{{end}}", "it"},
	    {"{{if eq .Name \"x\"}}a{{else if .Size}}b{{else}}c{{end}}", "b"},
	    {"{{if and .Name (not .Empty)}}both{{end}}", "both"},
	    {"{{with .Config}}{{.Flag}}{{end}}", "true"},
	    {"{{range .Tags}}{{.}}={{$.Name}} {{end}}", "b=redis a=redis "},
	    {"a {{- .Name -}} b", "aredisb"},
	    {"{{/* nothing */}}x", "x"},
	    {"{{printf \"%s-%d %q%%\" .Name .Size .Name}}", "redis-12 \"redis\"%"},
	    {"{{println .Name}}", "redis\n"},
	    {"{{or .Empty \"default\"}}", "default"},
	    {"{{if gt .Size 3}}big{{end}}{{if lt .Size 3}}small{{end}}", "big"},
	    {"{{\"quoted }} text\"}}", "quoted }} text"},
	    {"{{if .Empty}}{{range .Tags}}{{.X.Y}}{{end}}{{end}}ok", "ok"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void mistakes_are_told(void **state)
{
	static const char *const bad[] = {"{{",
					  "{{.Name",
					  "{{.Missing}}",
					  "{{nosuch .Name}}",
					  "{{end}}",
					  "{{if .Name}}x",
					  "{{range .Tags}}",
					  "{{.Name | .Size}}",
					  "{{\"x}}",
					  "{{(.Name}}",
					  "{{upper}}",
					  "{{join .Name \",\"}}",
					  "{{printf \"%d\"}}",
					  "{{else}}",
					  "{{/* x }}",
					  "{{.Name .Size}}",
					  "{{$x}}",
					  "{{if .Name}}a{{else}}b{{else}}c{{end}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autojson *o = json_tokener_parse(document);
		autobuf out = BUF_INIT;
		struct err err = {0};

		if (template_run(bad[i], o, &out, &err) != -EINVAL)
			fail_msg("%s is no mistake", bad[i]);
		assert_non_null(strstr(err.text, "template parsing error"));
	}
}

static void depth_is_bounded(void **state)
{
	autobuf deep = BUF_INIT, out = BUF_INIT;
	autojson *o = json_tokener_parse(document);

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_puts(&deep, "{{if .Name}}");
	buf_putc(&deep, '\0');
	assert_int_equal(template_run(deep.data, o, &out, NULL), -EINVAL);
	buf_reset(&deep);
	buf_puts(&deep, "{{");
	for (int i = 0; i < 100000; i++)
		buf_putc(&deep, '(');
	buf_putc(&deep, '\0');
	assert_int_equal(template_run(deep.data, o, &out, NULL), -EINVAL);
}

static void assert_rows(const char *format, const char *wanted)
{
	static const struct rows_field fields[] = {{"Name", "NAME"}, {"Size", "SIZE"}, {0}};
	autojson *rows = json_tokener_parse(
	    "[{\"Name\":\"a\",\"Size\":\"1B\"},{\"Name\":\"longer name\",\"Size\":\"<2>\"}]");
	autobuf out = BUF_INIT;
	struct err err = {0};

	if (rows_print(rows, fields, "{{.Name}}\t{{.Size}}", format, &out, &err))
		fail_msg("%s: %s", format, err.text);
	buf_putc(&out, '\0');
	assert_string_equal(out.data, wanted);
}

static void rows_in_every_format(void **state)
{
	(void)state;
	assert_rows("", "NAME          SIZE\na             1B\nlonger name   <2>\n");
	assert_rows("table", "NAME          SIZE\na             1B\nlonger name   <2>\n");
	assert_rows("table {{.Size}}\\t{{.Name}}",
		    "SIZE      NAME\n1B        a\n<2>       longer name\n");
	assert_rows("{{.Name}}\\t{{.Size}}", "a\t1B\nlonger name\t<2>\n");
	assert_rows("json", "{\"Name\":\"a\",\"Size\":\"1B\"}\n"
			    "{\"Name\":\"longer name\",\"Size\":\"\\u003c2\\u003e\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_docker_users_write),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(rows_in_every_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

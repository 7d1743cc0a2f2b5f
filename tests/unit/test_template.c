/* SPDX-License-Identifier: MIT */
#include "fs/docker/rows.h"
#include "fs/docker/template.h"
#include "fs/docker/template_value.h"

#include "store/base/json.h"
#include "store/base/mem.h"

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

	if (template_run(template, o, NULL, &out, &err))
		fail_msg("%s: %s", template, err.text);
	buf_putc(&out, '\0');
	if (strcmp(out.data, wanted) != 0)
		fail_msg("%s: is \"%s\", should be \"%s\"", template, out.data, wanted);
}

/* A mark is no owner, nor anybody's parent: json-c 0.19 took it for that. */
static void what_is_marked_goes_as_all_else(void **state)
{
	static const struct template_mark mark = {.type = "some.Struct"};
	struct json_object *o = json_tokener_parse(document);

	(void)state;
	template_mark(json_member(o, "Config"), &mark);
	template_mark(json_member(json_member(o, "Config"), "Env"), &mark);
	template_mark(o, &mark);
	template_mark(o, &mark);
	assert_int_equal(json_object_put(json_object_get(o)), 0);
	assert_true(template_is_marked(o) == template_is_marked(json_member(o, "Config")));
	assert_int_equal(json_object_put(o), 1);
}

static void what_docker_users_write(void **state)
{
	static const char *const cases[][2] = {
	    {"plain", "plain"},
	    {"{{.Name}}:{{ .Size }}", "redis:12"},
	    {"{{json .Name}} {{json .Config.Env}}", "\"redis\" [\"A=1\",\"B=<2>\"]"},
	    {"{{.Tags}} {{.Config.Labels}}", "[b a] map[a.b:2 z:1]"},
	    {"{{.Config.Nothing}}", "<no value>"},
	    {"{{upper .Name}} {{.Name | upper | lower}} {{title .Name}}", "REDIS redis Redis"},
	    {"{{len .Tags}} {{len .Name}}", "2 5"},
	    {"{{index .Tags 1}} {{index .Config.Labels \"a.b\"}}", "a 2"},
	    {"{{join .Tags \", \"}} {{join (split \"x/y\" \"/\") \"-\"}}", "b, a x-y"},
	    {"{{truncate .Name 3}}|{{pad .Name 1 2}}|", "red| redis  |"},
	    {"{{range .Config.Env}}[{{.}}]{{end}}", "[A=1][B=<2>]"},
	    {"{{range slice .Tags 0 0}}x{{else}}none{{end}}", "none"},
	    {"{{if .Empty}}yes{{else}}no{{end}}", "no"},
	    {"{{if eq .Name \"redis\"}}it{{else if .Empty}}x{{else}}y{{end}}", "it"},
	    {"{{if eq .Name \"x\"}}a{{else if .Size}}b{{else}}c{{end}}", "b"},
	    {"{{if and .Name (not .Empty)}}both{{end}}", "both"},
	    {"{{with .Config}}{{.Flag}}{{end}}", "true"},
	    {"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a.b=2;z=1;"},
	    {"{{range $i, $e := .Tags}}{{if $i}}, {{end}}{{$e}}{{end}}", "b, a"},
	    {"{{range $t := .Tags}}{{$t}}{{end}}", "ba"},
	    {"{{$n := .Name}}{{with .Config}}{{$n}} {{.Flag}}{{end}}", "redis true"},
	    {"{{$x := 1}}{{if .Name}}{{$x = 2}}{{end}}{{if .Empty}}{{$x = 3}}{{end}}{{$x}}", "2"},
	    {"{{$x := 1}}{{if $x := .Name}}{{$x}}{{end}} {{$x}}", "redis 1"},
	    {"{{with $c := .Config}}{{$c.Flag}} {{len $c.Labels}}{{end}}", "true 2"},
	    {"{{index .Config.Labels \"nope\"}}", ""},
	    {"{{range .Tags}}{{.}}={{$.Name}} {{end}}", "b=redis a=redis "},
	    {"a {{- .Name -}} b", "aredisb"},
	    {"{{/* nothing */}}x", "x"},
	    {"{{printf \"%s-%d %q%%\" .Name .Size .Name}}", "redis-12 \"redis\"%"},
	    {"{{printf \"[%-7s|%7s|%.2s|%5d|%-5d|%05d]\" .Name .Name .Name .Size .Size .Size}}",
	     "[redis  |  redis|re|   12|12   |00012]"},
	    {"{{printf \"%x %x %t %8.3q\" .Size .Name true .Name}}",
	     "c 7265646973 true    \"red\""},
	    {"{{.Name | printf \"%.1s%%\"}}", "r%"},
	    {"{{printf \"%.2s|%4s\" \"äöü\" \"äöü\"}}", "äö| äöü"},
	    {"{{slice .Name 1 3}} {{slice .Name 3}} {{slice .Tags 1}}", "ed is [a]"},
	    {"{{pad .Name 1 2}}|{{pad \"\" 1 2}}|", " redis  ||"},
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

/* Each is what Go's text/template says (1.19; range over a number and else with: docker 28.2.2). */
static void what_go_has_besides(void **state)
{
	static const char *const cases[][2] = {
	    {"{{range split \"a,b,c\" \",\"}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"},
	    {"{{range split \"a,b,c\" \",\"}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}",
	     "ac"},
	    {"{{range 3}}{{.}}{{else}}none{{end}}{{range 0}}x{{else}}none{{end}}", "012none"},
	    {"{{with .Empty}}x{{else with .Name}}{{.}}{{else}}y{{end}}", "redis"},
	    {"{{define \"a\"}}<{{.}}>{{end}}{{template \"a\" .Name}}{{template \"a\"}}",
	     "<redis><<no value>>"},
	    {"{{template \"late\" 1}}{{define \"late\"}}{{$}}{{end}}", "1"},
	    {"{{block \"b\" .Tags}}{{len .}}{{end}}", "2"},
	    {"{{or .Name (index .Tags 9)}} {{and .Empty (index .Tags 9)}}|", "redis |"},
	    {"{{true}} {{1.5}} {{-3}} {{0x10}} {{1e3}} {{'a'}} {{0b11}} {{1_000}}",
	     "true 1.5 -3 16 1000 97 3 1000"},
	    {"{{\"\\u00e4\\x41\\t\\101\"}}{{`\\n`}}", "\u00e4A\tA\\n"},
	    {"{{printf \"%d %05d %x %X %o %b %c %U\" 42 42 255 255 8 5 65 65}}",
	     "42 00042 ff FF 10 101 A U+0041"},
	    {"{{printf \"%v %T %t %f %.2f %e %g\" .Name .Name true 1.5 2.345 1234.5 0.1}}",
	     "redis string true 1.500000 2.35 1.234500e+03 0.1"},
	    {"{{printf \"%x|% X|%q|%#v|%6s|%-6s|%.2s\" .Name .Name .Name .Name \"ab\" \"ab\" "
	     ".Name}}",
	     "7265646973|72 65 64 69 73|\"redis\"|\"redis\"|    ab|ab    |re"},
	    {"{{printf \"%[2]s %[1]s|%*d|%%\" \"a\" \"b\" 4 7}}", "b a|%!(BADWIDTH)4|%"},
	    {"{{printf \"%d\" .Name}} {{printf \"%s %s\" .Name}} {{printf \"%s\" 1 2}} {{printf "
	     "\"%!\"}}",
	     "%!d(string=redis) redis %!s(MISSING) %!s(int=1)%!(EXTRA int=2) %!!(MISSING)"},
	    {"{{printf \"%v %d %q\" .Tags .Tags .Tags}}",
	     "[b a] [%!d(string=b) %!d(string=a)] [\"b\" \"a\"]"},
	    {"{{html \"<a&b>\"}} {{js \"it's\"}} {{urlquery \"a b&c\"}}",
	     "&lt;a&amp;b&gt; it\\'s a+b%26c"},
	    {"{{title \"a-b c_d\"}} {{.Name | }}", "A-B C_d redis"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void errors_say_where(void **state)
{
	static const char *const cases[][2] = {
	    {"{{slice .Name 0 9}}", "template: :1:2: executing \"\" at <slice .Name 0 9>: error "
				    "calling slice: index out of "
				    "range: 9"},
	    {"{{lower   3}}", "template: :1:10: executing \"\" at <3>: expected string; found 3"},
	    {"\n{{len}}",
	     "template: :2:2: executing \"\" at <len>: wrong number of args for len: want 1 got 0"},
	    {"{{range .Name}}{{end}}", "at <.Name>: range can't iterate over redis"},
	    {"{{define \"d\"}}{{.Sub}}{{end}}{{template \"d\" 1}}",
	     "executing \"d\" at <.Sub>: can't evaluate field Sub in type int"},
	    {"{{end}}", "template: :1: unexpected {{end}}"},
	    {"a\n{{if}}{{end}}", "template: :2: missing value for if"},
	    {"{{if true}}x", "template: :1: unexpected EOF"},
	    {"{{define \"d\"}}x", "template: :1: unexpected EOF"},
	    {"{{define \"d\"}}{{else}}{{end}}", "unexpected {{else}} in define clause"},
	    {"{{break}}", "template: :1: {{break}} outside {{range}}"},
	    {"{{range .Tags}}{{continue 1}}{{end}}", "in {{continue}}"},
	    {"{{template .Name}}", "unexpected \".Name\" in template clause"},
	    {"{{lower (.Size | print | len)}}", "at <.Size | print | len>"},
	    {"{{lower (.Config).Flag}}", "at <(.Config).Flag>"},
	    {"{{lower ($x := 3)}}", "at <$x := 3>"},
	    {"{{template \"d\" .Name | len}}", "at <{{template \"d\" .Name | len}}>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autojson *o = json_tokener_parse(document);
		autobuf out = BUF_INIT;
		struct err err = {0};

		assert_int_equal(template_run(cases[i][0], o, NULL, &out, &err), -EINVAL);
		if (!strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.text);
	}
}

/* What a value is in Go, where JSON does not say it. */
static void marks_are_gos_types(void **state)
{
	static const struct template_mark marks[] = {
	    {MARK_STRUCT, "image.T", false}, {MARK_NIL, "*image.H", true},
	    {MARK_UNIT, NULL, false},	     {MARK_DURATION, NULL, false},
	    {MARK_TIME, NULL, false},	     {MARK_ALIAS, NULL, true}};
	static const char *const names[] = {"S", "N", "U", "D", "T", "A"};
	static const char *const cases[][2] = {
	    {"{{.U}} {{.D}} {{.T}} {{.N}} {{.A}}",
	     "{} 1h1m1.5s 0001-01-01 00:00:00 +0000 UTC <nil> x"},
	    {"{{json .}}",
	     "{\"S\":{\"x\":1},\"U\":{},\"D\":3661500000000,\"T\":\"0001-01-01T00:00:00Z\"}"},
	    {"{{json .N}} {{if .N}}yes{{else}}no{{end}} {{printf \"%d %v\" .D .D}}",
	     "null no 3661500000000 1h1m1.5s"},
	};
	autojson *o = json_tokener_parse("{\"S\":{\"x\":1},\"N\":{},\"U\":{},\"D\":3661500000000,"
					 "\"T\":\"0001-01-01T00:00:00Z\",\"A\":\"x\"}");

	(void)state;
	for (size_t i = 0; i < 6; i++)
		template_mark(json_member(o, names[i]), &marks[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf out = BUF_INIT;

		assert_int_equal(template_run(cases[i][0], o, NULL, &out, NULL), 0);
		buf_putc(&out, '\0');
		assert_string_equal(out.data, cases[i][1]);
	}
	for (size_t i = 0; i < 2; i++) {
		autobuf out = BUF_INIT;
		struct err err = {0};

		assert_int_equal(template_run(i ? "{{.S.y}}" : "{{.N.Sub}}", o, NULL, &out, &err),
				 -EINVAL);
		assert_non_null(
		    strstr(err.text, i ? "y is an unexported field" : "nil pointer evaluating"));
	}
	{
		autobuf out = BUF_INIT;
		struct err err = {0};

		assert_int_equal(template_run_complete("{{.S.x}}{{.U.y}}", o, NULL, &out, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, "map has no entry for key \"y\""));
	}
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
					  "{{eq (.Name \"x\"}}",
					  "{{$x}}",
					  "{{$x = 1}}",
					  "{{range $x := .Tags}}{{end}}{{$x}}",
					  "{{index .Tags 2}}",
					  "{{upper}}",
					  "{{join .Name \",\"}}",
					  "{{range .Empty}}{{end}}",
					  "{{range .Name}}{{end}}",
					  "{{range $i, $e := 3}}{{end}}",
					  "{{nil}}",
					  "{{break}}",
					  "{{if .Name}}{{continue}}{{end}}",
					  "{{template \"none\"}}",
					  "{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}",
					  "{{if .Name}}{{define \"a\"}}{{end}}{{end}}",
					  "{{.Name.Sub}}",
					  "{{1 | .Name}}",
					  "{{\"a\" | \"b\"}}",
					  "{{if}}{{end}}",
					  "{{}}",
					  "{{printf .Size}}",
					  "{{slice .Name 2 1}}",
					  "{{slice .Name 6}}",
					  "{{slice .Size 0}}",
					  "{{slice .Name \"x\"}}",
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

		if (template_run(bad[i], o, NULL, &out, &err) != -EINVAL)
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
	assert_int_equal(template_run(deep.data, o, NULL, &out, NULL), -EINVAL);
	buf_reset(&deep);
	buf_puts(&deep, "{{");
	for (int i = 0; i < 100000; i++)
		buf_putc(&deep, '(');
	buf_putc(&deep, '\0');
	assert_int_equal(template_run(deep.data, o, NULL, &out, NULL), -EINVAL);
}

static void work_is_bounded(void **state)
{
	static const char *const endless[] = {"{{range $.L}}", "{{$x = print $x $x}}"};
	static const char *const sentences[] = {"too much work", "a text of more than"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		autobuf text = BUF_INIT, out = BUF_INIT;
		autojson *o = json_tokener_parse("{\"L\":[1,2,3,4,5,6,7,8,9,10]}");
		struct err err = {0};

		buf_puts(&text, "{{$x := \"abcdefgh\"}}");
		for (int k = 0; k < 30; k++)
			buf_puts(&text, endless[i]);
		for (int k = 0; !i && k < 30; k++)
			buf_puts(&text, "{{end}}");
		buf_putc(&text, '\0');
		assert_int_equal(template_run(text.data, o, NULL, &out, &err), -EINVAL);
		assert_non_null(strstr(err.text, sentences[i]));
	}
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
	assert_rows("{{json .}}", "{\"Name\":\"a\",\"Size\":\"1B\"}\n"
				  "{\"Name\":\"longer name\",\"Size\":\"\\u003c2\\u003e\"}\n");
	assert_rows("{{json .Size}}", "\"1B\"\n\"<2>\"\n");
	assert_rows("table {{lower .Name}}\\t{{json .Size}}",
		    "NAME          SIZE\na             \"1B\"\nlonger name   \"<2>\"\n");
	assert_rows("table {{truncate .Name 3}}", "NAME\na\nlon\n");
	assert_rows("json", "{\"Name\":\"a\",\"Size\":\"1B\"}\n"
			    "{\"Name\":\"longer name\",\"Size\":\"\\u003c2\\u003e\"}\n");
}

static void a_mistake_is_found_without_a_row(void **state)
{
	static const struct rows_field fields[] = {{"Name", "NAME"}, {0}};
	autojson *rows = json_object_new_array();
	autobuf out = BUF_INIT;

	(void)state;
	assert_int_equal(rows_print(rows, fields, "{{.Name}}", "{{nope}}", &out, NULL), -EINVAL);
	assert_int_equal(rows_print(rows, fields, "{{.Name}}", "table {{.Nope}}", &out, NULL),
			 -EINVAL);
	assert_int_equal(rows_print(rows, fields, "{{.Name}}", "table {{", &out, NULL), -EINVAL);
	assert_int_equal(rows_print(rows, fields, "{{.Name}}", "{{.Name}}", &out, NULL), 0);
	assert_int_equal(out.len, 0);
}

/* What is left out where it is empty prints as Go prints its zero, and is no part of any JSON. */
static void zeros_print_as_in_go(void **state)
{
	static const char *const cases[][2] = {
	    {"{{.T}}|{{.L}}|{{.M}}", "|[]|map[]"},
	    {"{{json .T}} {{json .L}} {{json .M}}", "\"\" null null"},
	    {"{{json .In}}", "{\"a\":1}"},
	    {"{{range .L}}x{{end}}{{if .T}}x{{end}}{{len .M}}{{.In.L}}", "0[]"},
	};
	autojson *o = json_tokener_parse("{\"In\":{\"a\":1}}");

	(void)state;
	json_object_object_add(o, "T", template_zero(json_type_string));
	json_object_object_add(o, "L", template_zero(json_type_array));
	json_object_object_add(o, "M", template_zero(json_type_object));
	json_object_object_add(json_member(o, "In"), "L", template_zero(json_type_array));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf out = BUF_INIT;

		assert_int_equal(template_run(cases[i][0], o, NULL, &out, NULL), 0);
		buf_putc(&out, '\0');
		assert_string_equal(out.data, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_docker_users_write),
	    cmocka_unit_test(what_is_marked_goes_as_all_else),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(what_go_has_besides),
	    cmocka_unit_test(errors_say_where),
	    cmocka_unit_test(marks_are_gos_types),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(work_is_bounded),
	    cmocka_unit_test(rows_in_every_format),
	    cmocka_unit_test(a_mistake_is_found_without_a_row),
	    cmocka_unit_test(zeros_print_as_in_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

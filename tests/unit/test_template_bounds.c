/* SPDX-License-Identifier: MIT */
/* Templates that were written to do harm: whatever they say, there is an answer or a sentence. */
#include "fs/docker/rows.h"
#include "fs/docker/template.h"
#include "fs/docker/template_value.h"

#include "store/base/json.h"
#include "store/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char document[] =
    "{\"Name\":\"redis\",\"Empty\":\"\",\"Size\":12,\"Less\":-3,\"Nil\":null,\"Flag\":true,"
    "\"Real\":1.5,\"Tags\":[\"b\",null,[2]],\"Map\":{\"z\":\"1\",\"n\":null},\"None\":{},"
    "\"L\":[1,2,3,4,5,6,7,8,9,10],\"Nul\":\"a\\u0000b\"}";

/* 0, or -EINVAL with its sentence. `work` may be NULL. */
static int run_within(const char *template, struct json_object *o, uint64_t *work, struct buf *out,
		      struct err *err)
{
	int r = template_run(template, o, work, out, err);

	if (r && (r != -EINVAL || strncmp(err->text, "template parsing error: ", 24) != 0))
		fail_msg("%.60s: %d %s", template, r, err->text);
	return r;
}

static int run(const char *template, struct buf *out, struct err *err)
{
	autojson *o = json_tokener_parse(document);

	assert_non_null(o);
	return run_within(template, o, NULL, out, err);
}

/* What Go's text/template says, asked by docker 28.2.2 inspect -f. */
static void a_part_of_a_value_is_what_go_takes(void **state)
{
	static const char *const cases[][2] = {
	    {"{{index .Map .Nil}}", "!value is nil; should be of type string"},
	    {"{{index .Map nil}}", "!value is nil; should be of type string"},
	    {"{{index .Map 1}}", "!value has type int; should be string"},
	    {"{{index .Map \"nope\"}}", ""},
	    {"{{index .Map .Nul}}", ""},
	    {"{{index .Map \"nope\" \"x\"}}", "!index of nil pointer"},
	    {"{{index .Map \"z\" 0}}", "49"},
	    {"{{index nil 1}}", "!index of untyped nil"},
	    {"{{index .Nil}}", "!index of untyped nil"},
	    {"{{index .Tags .Nil}}", "!cannot index slice/array with nil"},
	    {"{{index .Tags \"x\"}}", "!cannot index slice/array with type string"},
	    {"{{index .Tags 3}}", "!index out of range: 3"},
	    {"{{index .Tags -1}}", "!index out of range: -1"},
	    {"{{index .Tags 1}}", "<no value>"},
	    {"{{index .Tags 2 0}}", "2"},
	    {"{{index .Name 0}}", "114"},
	    {"{{index .Size 0}}", "!can't index item of type int"},
	    {"{{index .Flag 0}}", "!can't index item of type bool"},
	    {"{{slice .Name .Nil}}", "!cannot index slice/array with nil"},
	    {"{{slice nil 1}}", "!slice of untyped nil"},
	    {"{{slice .Name 3 2}}", "!invalid slice index: 3 > 2"},
	    {"{{slice .Name 5}}", ""},
	    {"{{slice .Name 9223372036854775807}}", "!index out of range: 9223372036854775807"},
	    {"{{len .Nil}}", "!len of type nil"},
	    {"{{len 3}}", "!len of type int"},
	    {"{{upper .Nil}}", "!invalid value; expected string"},
	    {"{{split .Name .Nil}}", "!invalid value; expected string"},
	    {"{{join .Tags .Nil}}", "!wrong type for value; expected []string"},
	    {"{{truncate .Name -1}}", "!slice bounds out of range [:-1]"},
	    {"{{split \"abc\" \"\"}} {{split \"\" \"\"}} {{split \"a,\" \",\" | len}}",
	     "[a b c] [] 2"},
	    {"{{print .Nil}} {{.Nil}} {{.Tags}}", "<nil> <no value> [b <nil> [2]]"},
	    {"{{and .Nil 1}} {{or nil nil}} {{not nil}}", "<no value> <no value> true"},
	    {"{{printf \"%x %x\" .Less .Size}}", "-3 c"},
	    {"{{eq .Size \"12\"}}", "!incompatible types for comparison"},
	    {"{{eq .Name 1}}", "!incompatible types for comparison"},
	    {"{{ne .Tags .Name}}", "!incompatible types for comparison"},
	    {"{{eq .Tags .Tags}}", "!non-comparable type"},
	    {"{{eq .Nil .Name}} {{eq nil .Tags}} {{eq .Nil nil}} {{ne .Nil 1}}",
	     "false false true true"},
	    {"{{eq .Name \"x\" \"redis\" 1}} {{eq .Flag true}}", "true true"},
	    {"{{lt .Name .Nil}}", "!invalid type for comparison"},
	    {"{{gt .Flag false}}", "!invalid type for comparison"},
	    {"{{ge .Size .Name}}", "!incompatible types for comparison"},
	    {"{{lt .Less .Size}} {{le \"a\" \"b\"}} {{gt \"ab\" \"a\"}} {{ge 1 2}}",
	     "true true true false"},
	    {"{{99999999999999999999}}", "!integer overflow"},
	    {"{{upper}}", "!wrong number of args for upper: want 1 got 0"},
	    {"{{if .Nil}}{{index .Nil 1}}{{end}}ok", "ok"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf out = BUF_INIT;
		struct err err = {0};
		const char *wanted = cases[i][1];
		int r = run(cases[i][0], &out, &err);

		buf_putc(&out, '\0');
		if (*wanted == '!' ? !r || !strstr(err.text, wanted + 1)
				   : r || strcmp(out.data, wanted) != 0)
			fail_msg("%s: is \"%s%s\", should be \"%s\"", cases[i][0], out.data,
				 err.text, wanted);
	}
}

static void no_function_is_hurt_by_its_arguments(void **state)
{
	static const char *const functions[] = {
	    "json", "upper", "lower",	 "title", "len",      "index",	 "slice",
	    "join", "split", "truncate", "pad",	  "print",    "println", "printf",
	    "eq",   "ne",    "lt",	 "le",	  "gt",	      "ge",	 "not",
	    "and",  "or",    "html",	 "js",	  "urlquery", "call",
	};
	static const char *const values[] = {"nil",
					     ".Empty",
					     ".Name",
					     "\"%d%s\"",
					     ".Size",
					     ".Less",
					     ".Real",
					     ".Tags",
					     ".Map",
					     ".None",
					     ".Nul",
					     "true",
					     "9223372036854775807"};
	const size_t n = sizeof(values) / sizeof(values[0]);
	autojson *o = json_tokener_parse(document);

	(void)state;
	for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++)
		for (size_t i = 0; i < n * n * n + n * n + n; i++) {
			autobuf text = BUF_INIT, out = BUF_INIT;
			struct err err = {0};

			buf_printf(&text, "{{%s %s", functions[f], values[i % n]);
			if (i >= n)
				buf_printf(&text, " %s", values[(i / n - 1) % n]);
			if (i >= n + n * n)
				buf_printf(&text, " %s", values[(i / n - 1) / n - 1]);
			buf_puts(&text, "}}");
			run_within(text.data, o, NULL, &out, &err);
		}
}

static void repeat(struct buf *out, const char *text, size_t n)
{
	while (n--)
		buf_puts(out, text);
}

/* `inner` in loops that would go on for ever. */
static void put_loops(struct buf *out, const char *inner)
{
	repeat(out, "{{range $.L}}", 20);
	buf_puts(out, inner);
	repeat(out, "{{end}}", 20);
	buf_putc(out, '\0');
}

/* A part of the work that one run may do: of all of it, the first takes about a second. */
static void assert_ends(const char *body, uint64_t work)
{
	autojson *o = json_tokener_parse(document);
	autobuf text = BUF_INIT, out = BUF_INIT;
	struct err err = {0};

	put_loops(&text, body);
	if (run_within(text.data, o, &work, &out, &err) != -EINVAL)
		fail_msg("%.60s: %zu bytes", body, out.len);
	assert_true(out.len < 2 * TEMPLATE_TEXT_MAX);
}

static void every_loop_ends(void **state)
{
	static const char *const bodies[] = {
	    "",
	    "x",
	    "{{.}}",
	    "{{eq $ $}}",
	    "{{$x := json $}}",
	    "{{if .Nope.Nope}}{{json $}}{{end}}",
	    "{{len (print $ $ $ $ $ $ $ $ $ $ $ $ $ $)}}",
	    "{{pad \"a\" 1000 1000 | split \"\" | len}}",
	    "{{printf \"%999d%999d%999d\" 1 2 3}}",
	    "{{range $k, $v := $.Map}}{{$k}}{{else}}{{end}}",
	};
	const char *const long_ones[] = {".Map", " ", "1 ", "x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_ends(bodies[i], i ? TEMPLATE_WORK_MAX / 16 : TEMPLATE_WORK_MAX);
	for (size_t i = 0; i < 4; i++) {
		autobuf body = BUF_INIT;

		buf_puts(&body, i == 2 ? "{{and " : i == 3 ? "x" : "{{");
		repeat(&body, long_ones[i], i == 2 ? 14 : 12000);
		buf_puts(&body, i == 3 ? "" : i == 1 ? "1}}" : "}}");
		assert_ends(body.data, TEMPLATE_WORK_MAX / 16);
	}
}

/* Of 16 MiB, joined by 16 MiB: nobody has so much memory. */
static void no_text_grows_beyond_its_bound(void **state)
{
	static const char *const cases[] = {
	    "{{join (split $x \"a\") $x}}",
	    "{{print $x $x $x $x $x $x $x $x $x $x $x $x $x $x $x}}",
	    "{{printf \"%x%x%x%x%x%x%x%x\" $x $x $x $x $x $x $x $x}}",
	    "{{printf \"%q%q%q\" $x $x $x}}",
	    "{{range split $x \"a\"}}{{$x}}{{end}}",
	    "{{split $x \"\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf text = BUF_INIT, out = BUF_INIT;
		struct err err = {0};

		buf_puts(&text, "{{$x := \"ab\"}}");
		repeat(&text, "{{$x = print $x $x}}", 22);
		buf_puts(&text, cases[i]);
		if (run(text.data, &out, &err) != -EINVAL)
			fail_msg("%s: %zu bytes", cases[i], out.len);
		assert_true(out.len < 2 * TEMPLATE_TEXT_MAX);
	}
}

static void *run_chain(void *text)
{
	autobuf out = BUF_INIT;
	struct err err = {0};

	assert_int_equal(run(text, &out, &err), 0);
	assert_int_equal(out.len, 1);
	return NULL;
}

/* On the stack of a job (fs/core/job.c). */
static void an_if_may_have_any_number_of_arms(void **state)
{
	autobuf text = BUF_INIT;
	pthread_attr_t attr;
	pthread_t t;

	(void)state;
	buf_puts(&text, "{{if .Nil}}");
	repeat(&text, "{{else if .Nil}}", 4000);
	buf_puts(&text, "{{else}}x{{end}}");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 << 10);
	assert_int_equal(pthread_create(&t, &attr, run_chain, text.data), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
}

static struct json_object *rows_of(size_t count)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();

		rows_set(o, "Name", i ? "a" : "first");
		json_object_array_add(rows, o);
	}
	return rows;
}

/* The longest cell of a column is the width of all. */
static void no_table_grows_beyond_its_bound(void **state)
{
	static const struct rows_field fields[] = {{"Name", "NAME"}, {0}};
	static const char *const formats[] = {
	    "table {{if eq .Name \"first\"}}{{printf \"%1000d%1000d%1000d%1000d\" 1 1 1 "
	    "1}}{{end}}\\tx",
	    "table {{printf \"%1000d%1000d%1000d%1000d\" 1 1 1 1}}",
	};
	autojson *rows = rows_of(5000);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		autobuf out = BUF_INIT;
		struct err err = {0};

		assert_int_equal(rows_print(rows, fields, "{{.Name}}", formats[i], &out, &err),
				 -EFBIG);
		assert_non_null(strstr(err.text, "a table of more than"));
		assert_true(out.len < 1u << 20);
	}
}

/* … and all rows have a share of the work, however many they are. */
static void a_table_may_have_many_rows(void **state)
{
	static const struct rows_field fields[] = {{"Name", "NAME"}, {0}};
	autojson *rows = rows_of(20000);
	autobuf out = BUF_INIT, format = BUF_INIT;

	(void)state;
	repeat(&format, "{{upper (lower .Name)}}", 20);
	assert_int_equal(rows_print(rows, fields, "{{.Name}}", format.data, &out, NULL), 0);
}

/* 32 levels deep, each of its numbers has a line and 128 blanks. */
static void no_json_grows_beyond_its_bound(void **state)
{
	autobuf text = BUF_INIT, out = BUF_INIT;
	autojson *o = NULL;
	struct err err = {0};

	(void)state;
	repeat(&text, "[", 32);
	buf_puts(&text, "1");
	repeat(&text, ",1", 300000);
	repeat(&text, "]", 32);
	assert_int_equal(json_parse(text.data, text.len, &o, NULL), 0);
	assert_int_equal(json_text_line(&out, o, JSON_TEXT_PLAIN, &err), 0);
	buf_reset(&out);
	assert_int_equal(json_text_indented(&out, o, JSON_TEXT_PLAIN, &err), -EFBIG);
	assert_string_equal(err.text, "more than 16777216 bytes of JSON");
	assert_true(out.len < JSON_TEXT_MAX + 4096);
}

static void work_that_is_shared_comes_to_an_end(void **state)
{
	autojson *o = json_tokener_parse(document);
	autobuf out = BUF_INIT;
	uint64_t work = 10000;
	int r = 0, runs = 0;

	(void)state;
	for (; !r && runs < 1000; runs++)
		r = template_run("{{.Name}}", o, &work, &out, NULL);
	assert_int_equal(r, -EINVAL);
	assert_true(runs >= 10 && runs <= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_part_of_a_value_is_what_go_takes),
	    cmocka_unit_test(no_function_is_hurt_by_its_arguments),
	    cmocka_unit_test(every_loop_ends),
	    cmocka_unit_test(no_text_grows_beyond_its_bound),
	    cmocka_unit_test(an_if_may_have_any_number_of_arms),
	    cmocka_unit_test(no_table_grows_beyond_its_bound),
	    cmocka_unit_test(a_table_may_have_many_rows),
	    cmocka_unit_test(no_json_grows_beyond_its_bound),
	    cmocka_unit_test(work_that_is_shared_comes_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

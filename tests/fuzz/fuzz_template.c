/* SPDX-License-Identifier: MIT */
/*
 * Templates that a user wrote, over documents with every kind of value: no crash, an end, and
 * either output or a sentence. The first byte chooses what is made of the rest: its lower two bits
 * values, headers, or the lines or table of rows; the others the document.
 *
 *     build/fuzz/fuzz_template CORPUS tests/fuzz/template -dict=tests/fuzz/template.dict
 */
#include "fs/docker/rows.h"
#include "fs/docker/template.h"
#include "fs/docker/template_value.h"
#include "store/base/json.h"
#include "store/base/mem.h"

#include <errno.h>
#include <string.h>

#define WORK (4u << 20) /* so that an endless loop takes no second */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const documents[] = {
    "{\"Name\":\"redis\",\"Empty\":\"\",\"Size\":12,\"Nil\":null,\"Flag\":true,"
    "\"Tags\":[\"b\",\"a\",1,[2]],\"Map\":{\"z\":\"1\",\"a.b\":{\"c\":2}}}",
    /* nil wherever something may be */
    "{\"Name\":null,\"Tags\":[null,[null,{\"a\":null}],{}],\"Map\":{\"a\":null,\"z\":{\"c\":null}},"
    "\"Size\":null,\"Flag\":null,\"Empty\":{}}",
    /* numbers */
    "{\"Size\":9223372036854775807,\"Name\":-9223372036854775808,\"Map\":{\"a\":"
    "18446744073709551615,"
    "\"z\":1e308,\"c\":-1.5e-300},\"Tags\":[0,-1,0.1,-0.0,1000000000000,2147483648,-2147483649],"
    "\"Flag\":false,\"Empty\":-0}",
    /* text: NUL, lone surrogates, bytes that are no UTF-8, controls, long */
    "{\"Name\":\"a\\u0000b\",\"Empty\":\"\\ud800\",\"Size\":\"\xff\xfe\xc0\x80\xed\xa0\x80\","
    "\"Tags\":[\"\\u0000\",\"\xe4\xb8\x96\xe7\x95\x8c\",\"\\t\\n\\r\\u001b[2J\",\"\xe2\x80\xa8\","
    "\"%d%s\"],"
    "\"Map\":{\"\":\"empty key\",\"\xff\":\"\xff\",\"a b\":\"{{.}}\"},\"Flag\":\"true\"}",
    /* deep, and wide */
    "{\"Map\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[[[1]]]]]]]]]]}}}}}}}}"
    ","
    "\"z\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]},"
    "\"Tags\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30],"
    "\"Name\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\","
    "\"Size\":[],\"Empty\":[{}],\"Flag\":[{},{},[]]}",
    /* no object */
    "[1,\"a\",null,{\"Name\":[]}]",
    "{}",
};
#define DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

static struct json_object *document(size_t i)
{
	static const enum json_type zeros[] = {json_type_array, json_type_object, json_type_string};
	struct json_object *o = json_tokener_parse(documents[i % DOCUMENTS]);

	if (json_object_is_type(o, json_type_object))
		json_object_object_add(o, "Zero", template_zero(zeros[i % 3]));
	return o;
}

/* The document and another as the rows of a table. */
static int run_rows(const char *text, struct json_object *o, bool table, struct buf *out,
		    struct err *err)
{
	static const struct rows_field fields[] = {
	    {"Name", "NAME"}, {"Size", "SIZE"}, {"Tags", "TAGS"}, {"Map", "MAP"}, {0},
	};
	autojson *rows = json_object_new_array();
	autobuf format = BUF_INIT;

	json_object_array_add(rows, json_object_get(o));
	json_object_array_add(rows, document(0));
	buf_puts(&format, table ? "table " : "");
	buf_append(&format, text, strlen(text) + 1);
	return rows_print(rows, fields, "{{.Name}}", format.data, out, err);
}

static int run(unsigned how, const char *text, struct json_object *o, struct buf *out,
	       struct err *err)
{
	uint64_t work = WORK;

	if (how & 2)
		return run_rows(text, o, how & 1, out, err);
	return (how & 1 ? template_run_headers : template_run)(text, o, &work, out, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	autofree char *text = len ? strndup((const char *)data + 1, len - 1) : NULL;
	autojson *o = len ? document(*data >> 2) : NULL;
	autobuf out = BUF_INIT;
	struct err err = {0};
	int r;

	if (!text || !o)
		return 0;
	r = run(*data & 3, text, o, &out, &err);
	if (r && r != -EFBIG &&
	    (r != -EINVAL || strncmp(err.text, "template parsing error: ", 24) != 0))
		__builtin_trap();
	if (!r && out.len > 2 * TEMPLATE_TEXT_MAX)
		__builtin_trap();
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Templates that a user wrote, over a document with every kind of value: no crash, an end, and
 * either output or a sentence. The first byte chooses values or headers.
 */
#include "fs/template.h"
#include "fs/template_value.h"
#include "store/json.h"
#include "store/mem.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct json_object *document(void)
{
	struct json_object *o = json_tokener_parse(
	    "{\"Name\":\"redis\",\"Empty\":\"\",\"Size\":12,\"Nil\":null,\"Flag\":true,"
	    "\"Tags\":[\"b\",\"a\",1,[2]],\"Map\":{\"z\":\"1\",\"a.b\":{\"c\":2}}}");

	json_object_object_add(o, "Zero", template_zero(json_type_array));
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	autofree char *text = len ? strndup((const char *)data + 1, len - 1) : NULL;
	autojson *o = document();
	autobuf out = BUF_INIT;
	struct err err = {0};
	int r;

	if (!text || !o)
		return 0;
	r = (*data & 1 ? template_run_headers : template_run)(text, o, &out, &err);
	if (r && (r != -EINVAL || strncmp(err.text, "template parsing error: ", 24) != 0))
		__builtin_trap();
	return 0;
}

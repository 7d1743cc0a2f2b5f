/* SPDX-License-Identifier: MIT */
/* The functions of templates that compare: numbers as such, all else as it prints. */
#include "fs/template_function.h"
#include "fs/template_value.h"

#include <string.h>

static int order(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int r = len ? memcmp(a, b, len) : 0;

	return r ? r : a_len < b_len ? -1 : a_len > b_len;
}

static bool is_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

static int compare(struct template_call *c, size_t i, size_t k, int *out)
{
	struct json_object *a = c->args[i], *b = c->args[k];
	autobuf x = BUF_INIT, y = BUF_INIT;

	if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
		int64_t m = json_object_get_int64(a), n = json_object_get_int64(b);

		*out = m < n ? -1 : m > n;
		return 0;
	}
	if (is_text(a) && is_text(b)) { /* no need of copies */
		*out = order(json_object_get_string(a), (size_t)json_object_get_string_len(a),
			     json_object_get_string(b), (size_t)json_object_get_string_len(b));
		return 0;
	}
	template_print(&x, a);
	template_print(&y, b);
	*out = order(x.data, x.len, y.data, y.len);
	return buf_failed(&x) || buf_failed(&y) ? err_nomem(c->err) : 0;
}

int template_f_eq(struct template_call *c, struct json_object **out)
{
	bool equal = false;

	for (size_t i = 1; i < c->count && !equal; i++) {
		int order, r = compare(c, 0, i, &order);

		if (r)
			return r;
		equal = order == 0;
	}
	return template_give_value(c, json_object_new_boolean(equal), out);
}

#define COMPARISON(name, op)                                                                       \
	int name(struct template_call *c, struct json_object **out)                                \
	{                                                                                          \
		int order = 0, r = compare(c, 0, 1, &order);                                       \
                                                                                                   \
		return r ? r : template_give_value(c, json_object_new_boolean(order op 0), out);   \
	}
COMPARISON(template_f_ne, !=)
COMPARISON(template_f_lt, <)
COMPARISON(template_f_le, <=)
COMPARISON(template_f_gt, >)
COMPARISON(template_f_ge, >=)

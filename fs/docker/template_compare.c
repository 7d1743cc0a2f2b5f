/* SPDX-License-Identifier: MIT */
/* The functions of templates that compare. Go compares like with like only: what it refuses would
 * be false here, and nobody would see why. */
#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"

#include <errno.h>
#include <string.h>

enum kind { NO_KIND, BOOL, INT, FLOAT, TEXT };

static enum kind template_compare_kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return BOOL;
	case json_type_int:
		return INT;
	case json_type_double:
		return FLOAT;
	case json_type_string:
		return TEXT;
	default: /* nil, a list, a map */
		return NO_KIND;
	}
}

static int order_of_text(struct json_object *a, struct json_object *b)
{
	size_t a_len = (size_t)json_object_get_string_len(a);
	size_t b_len = (size_t)json_object_get_string_len(b);
	int r = memcmp(json_object_get_string(a), json_object_get_string(b),
		       a_len < b_len ? a_len : b_len);

	return r ? r : a_len < b_len ? -1 : a_len > b_len;
}

/* Of two values of one kind: less than 0, 0, more. */
static int order(enum kind kind, struct json_object *a, struct json_object *b)
{
	if (kind == TEXT)
		return order_of_text(a, b);
	if (kind == FLOAT) {
		double x = json_object_get_double(a), y = json_object_get_double(b);

		return x < y ? -1 : x > y;
	}
	if (kind == INT) {
		int64_t m = json_object_get_int64(a), n = json_object_get_int64(b);

		return m < n ? -1 : m > n;
	}
	return json_object_get_boolean(a) - json_object_get_boolean(b);
}

static int incompatible(struct template_call *c)
{
	return err_set(c->err, EINVAL, "incompatible types for comparison");
}

/* nil equals nil, and nothing else; other lists and maps cannot be compared. */
static int equal(struct template_call *c, struct json_object *a, struct json_object *b, bool *out)
{
	enum kind kind = template_compare_kind_of(a);

	*out = false;
	if (!a || !b) {
		*out = a == b;
		return 0;
	}
	if (kind != template_compare_kind_of(b))
		return incompatible(c);
	if (kind == NO_KIND)
		return err_set(c->err, EINVAL, "non-comparable types %s and %s", template_type(a),
			       template_type(b));
	*out = order(kind, a, b) == 0;
	return 0;
}

int template_f_eq(struct template_call *c, struct json_object **out)
{
	bool truth = false;
	int r = c->count > 1 ? 0 : err_set(c->err, EINVAL, "missing argument for comparison");

	for (size_t i = 1; !r && i < c->count && !truth; i++)
		r = equal(c, c->args[0], c->args[i], &truth);
	return r ? r : template_give_value(c, json_object_new_boolean(truth), out);
}

int template_f_ne(struct template_call *c, struct json_object **out)
{
	bool truth;
	int r = equal(c, c->args[0], c->args[1], &truth);

	return r ? r : template_give_value(c, json_object_new_boolean(!truth), out);
}

/* Which is first: -EINVAL where they have no order. */
static int ordered(struct template_call *c, int *out)
{
	enum kind kind = template_compare_kind_of(c->args[0]),
		  other = template_compare_kind_of(c->args[1]);

	if (kind == NO_KIND || other == NO_KIND || (kind == BOOL && other == BOOL))
		return err_set(c->err, EINVAL, "invalid type for comparison");
	if (kind != other)
		return incompatible(c);
	*out = order(kind, c->args[0], c->args[1]);
	return 0;
}

#define COMPARISON(name, op)                                                                       \
	int name(struct template_call *c, struct json_object **out)                                \
	{                                                                                          \
		int first = 0, r = ordered(c, &first);                                             \
                                                                                                   \
		return r ? r : template_give_value(c, json_object_new_boolean(first op 0), out);   \
	}
COMPARISON(template_f_lt, <)
COMPARISON(template_f_le, <=)
COMPARISON(template_f_gt, >)
COMPARISON(template_f_ge, >=)

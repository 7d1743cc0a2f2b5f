/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_printf.h"

#include "fs/docker/template_value.h"
#include "fs/docker/template_verb.h"

#include <ctype.h>
#include <string.h>

/* A format that is read, and which argument comes next. */
struct printing {
	struct buf *out;
	const char *at;
	struct json_object *const *args;
	size_t count, next;
	bool good;	/* of the [n] of this verb */
	bool reordered; /* there was a [n] in this verb */
};

/* Digits: false where there are none, or too many. */
static bool parse_number(const char **at, size_t *out)
{
	const char *start = *at;
	bool fits = true;

	for (*out = 0; isdigit((unsigned char)**at); (*at)++) {
		*out = *out * 10 + (size_t)(**at - '0');
		if (*out > TEMPLATE_VERB_WIDTH_MAX) {
			fits = false;
			*out = 0;
		}
	}
	return *at > start && fits;
}

/* "[n]": the next argument is the n-th. */
static void take_argument_index(struct printing *p)
{
	const char *end;
	size_t n;

	if (*p->at != '[')
		return;
	p->reordered = true;
	end = strchr(p->at, ']');
	p->at++;
	if (!end || !parse_number(&p->at, &n) || p->at != end || !n || n > p->count) {
		p->good = false;
		p->at = end ? end + 1 : p->at;
		return;
	}
	p->next = n - 1;
	p->at++;
}

/* "*": a number from the arguments; a negative width is one to the left. */
static bool take_star(struct printing *p, int64_t *out)
{
	struct json_object *value = p->next < p->count ? p->args[p->next] : NULL;

	p->at++;
	p->next += p->next < p->count;
	*out = json_object_is_type(value, json_type_int) ? json_object_get_int64(value)
							 : TEMPLATE_VERB_WIDTH_MAX + 1;
	return *out >= -TEMPLATE_VERB_WIDTH_MAX && *out <= TEMPLATE_VERB_WIDTH_MAX;
}

static void take_flags(struct printing *p, struct template_verb *v)
{
	for (;; p->at++) {
		switch (*p->at) {
		case '#':
			v->sharp = true;
			break;
		case '0':
			v->zero = true;
			break;
		case '+':
			v->plus = true;
			break;
		case '-':
			v->minus = true;
			break;
		case ' ':
			v->space = true;
			break;
		default:
			return;
		}
	}
}

static void take_verb_width(struct printing *p, struct template_verb *v)
{
	int64_t n;

	if (*p->at != '*') {
		v->has_width = parse_number(&p->at, &v->width);
		return;
	}
	v->has_width = take_star(p, &n);
	if (!v->has_width)
		buf_puts(p->out, "%!(BADWIDTH)");
	v->minus |= v->has_width && n < 0;
	v->width = (size_t)(n < 0 ? -n : n);
}

static void take_precision(struct printing *p, struct template_verb *v)
{
	int64_t n;

	if (*p->at != '.')
		return;
	p->at++;
	take_argument_index(p);
	v->has_precision = true;
	if (*p->at != '*') {
		parse_number(&p->at, &v->precision);
		return;
	}
	v->has_precision = take_star(p, &n) && n >= 0;
	if (!v->has_precision && n != 0)
		buf_puts(p->out, n < 0 ? "" : "%!(BADPREC)");
	v->precision = v->has_precision ? (size_t)n : 0;
}

static void take_letter(struct printing *p, struct template_verb *v)
{
	v->letter = p->at;
	while (p->at[v->letter_len] &&
	       (!v->letter_len || ((unsigned char)p->at[v->letter_len] & 0xc0) == 0x80))
		v->letter_len++;
	p->at += v->letter_len;
}

static void put_problem(struct printing *p, const struct template_verb *v, const char *what)
{
	buf_puts(p->out, "%!");
	buf_append(p->out, v->letter, v->letter_len);
	buf_puts(p->out, what);
}

/* Behind a percent sign. */
static void print_verb(struct printing *p)
{
	struct template_verb v = {0};

	p->good = true;
	p->reordered = false;
	take_flags(p, &v);
	take_argument_index(p);
	take_verb_width(p, &v);
	take_precision(p, &v);
	if (!p->reordered || *p->at == '[')
		take_argument_index(p);
	take_letter(p, &v);
	if (!v.letter_len)
		buf_puts(p->out, "%!(NOVERB)");
	else if (*v.letter == '%')
		buf_putc(p->out, '%');
	else if (!p->good)
		put_problem(p, &v, "(BADINDEX)");
	else if (p->next >= p->count)
		put_problem(p, &v, "(MISSING)");
	else
		template_verb_print(p->out, &v, p->args[p->next++]);
}

/* What no verb has taken. */
static void print_extra(struct printing *p)
{
	buf_puts(p->out, "%!(EXTRA ");
	for (const char *sign = ""; p->next < p->count; p->next++, sign = ", ") {
		struct json_object *value = p->args[p->next];

		buf_puts(p->out, sign);
		buf_puts(p->out, template_verb_type(value));
		if (!value)
			continue;
		buf_putc(p->out, '=');
		template_print(p->out, value);
	}
	buf_putc(p->out, ')');
}

void template_printf(struct buf *out, const char *format, struct json_object *const *args,
		     size_t count)
{
	struct printing p = {.out = out, .at = format, .args = args, .count = count};
	bool reordered = false;

	while (*p.at && out->len <= TEMPLATE_TEXT_MAX) {
		const char *percent = strchr(p.at, '%');
		size_t len = percent ? (size_t)(percent - p.at) : strlen(p.at);

		buf_append(out, p.at, len);
		p.at += len;
		if (!percent)
			break;
		p.at++;
		print_verb(&p);
		reordered |= p.reordered;
	}
	if (!reordered && p.next < count)
		print_extra(&p);
}

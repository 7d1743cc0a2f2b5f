/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_constant.h"

#include "store/base/buf.h"
#include "store/base/mem.h"
#include "store/base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many digits of a base. */
static bool take_digits(const char **at, const char *end, int count, int base, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		char c = *at < end ? **at : '\0';
		int digit = isdigit((unsigned char)c)	 ? c - '0'
			    : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10
							 : 99;

		if (digit >= base)
			return false;
		*out = *out * (uint32_t)base + (uint32_t)digit;
	}
	return true;
}

/* What follows a backslash; *code is a character, or with *byte a byte. */
static bool unescape_one(const char **at, const char *end, char quote, uint32_t *code, bool *byte)
{
	static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	char c = *at < end ? *(*at)++ : '\0';
	const char *simple = c ? strchr(letters, c) : NULL;

	*byte = false;
	if (simple || c == quote) {
		*code = (unsigned char)(simple ? values[simple - letters] : c);
		return true;
	}
	if (c == 'x' || (c >= '0' && c <= '7')) {
		*byte = true;
		*at -= c != 'x';
		return take_digits(at, end, c == 'x' ? 2 : 3, c == 'x' ? 16 : 8, code) &&
		       *code < 256;
	}
	if (c != 'u' && c != 'U')
		return false;
	return take_digits(at, end, c == 'u' ? 4 : 8, 16, code) && *code < 0x110000 &&
	       (*code < 0xd800 || *code > 0xdfff);
}

static int invalid(struct err *err)
{
	return err_set(err, EINVAL, "invalid syntax");
}

int template_constant_text(const char *at, size_t len, struct json_object **out, struct err *err)
{
	const char *end = at + len - 1;
	char quote = *at++;
	autobuf text = BUF_INIT;

	while (at < end) {
		uint32_t code;
		bool byte;

		if (*at != '\\' || quote == '`') {
			if (*at != '\r' || quote != '`')
				buf_putc(&text, *at);
			at++;
			continue;
		}
		at++;
		if (!unescape_one(&at, end, quote, &code, &byte))
			return invalid(err);
		if (byte)
			buf_putc(&text, (char)code);
		else
			utf8_encode(&text, code);
	}
	if (!buf_failed(&text))
		*out = json_object_new_string_len(text.data ? text.data : "", (int)text.len);
	return *out ? 0 : err_nomem(err);
}

int template_constant_character(const char *at, size_t len, struct json_object **out,
				struct err *err)
{
	const char *s = at + 1, *end = at + len - 1;
	uint32_t code = 0;
	bool byte, good = s < end;

	if (good && *s == '\\') {
		s++;
		good = unescape_one(&s, end, '\'', &code, &byte);
	} else if (good) {
		size_t n = utf8_decode(s, (size_t)(end - s), &code);

		code = n ? code : UTF8_REPLACEMENT;
		s += n ? n : 1;
	}
	if (!good || s != end)
		return err_set(err, EINVAL, "malformed character constant: %.*s", (int)len, at);
	*out = json_object_new_int64(code);
	return *out ? 0 : err_nomem(err);
}

/* Without its underscores. */
static char *plain_digits(const char *at, size_t len)
{
	char *text = strndup(at, len), *to = text;

	for (const char *from = text; from && *from; from++)
		if (*from != '_')
			*to++ = *from;
	if (to)
		*to = '\0';
	return text;
}

static bool parse_integer(const char *text, int64_t *out)
{
	bool sign = *text == '-' || *text == '+';
	const char *digits = text + sign;
	int base = 0;
	unsigned long long n;
	char *end;

	if (*digits == '0' && digits[1] && strchr("bBoO", digits[1])) {
		base = tolower(digits[1]) == 'b' ? 2 : 8;
		digits += 2;
	}
	errno = 0;
	n = strtoull(digits, &end, base);
	if (end == digits || *end || errno || n > (unsigned long long)INT64_MAX + (*text == '-'))
		return false;
	*out = *text == '-' ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

int template_constant_number(const char *at, size_t len, struct json_object **out, struct err *err)
{
	autofree char *text = plain_digits(at, len);
	bool hex, decimal;
	int64_t n;
	double x;
	char *end;

	if (!text)
		return err_nomem(err);
	hex = strpbrk(text, "xX");
	decimal = strpbrk(text, hex ? ".pP" : ".eE");
	if (decimal) {
		x = strtod(text, &end);
		if (*end || end == text || isinf(x))
			return err_set(err, EINVAL, "bad number syntax: \"%.*s\"", (int)len, at);
		*out = json_object_new_double(x);
	} else {
		if (!parse_integer(text, &n))
			return err_set(err, EINVAL, "%s: \"%.*s\"",
				       errno == ERANGE || len > 18 ? "integer overflow"
								   : "bad number syntax",
				       len < 64 ? (int)len : 64, at);
		*out = json_object_new_int64(n);
	}
	return *out ? 0 : err_nomem(err);
}

const char *template_constant_float(double value, char text[static TEMPLATE_FLOAT_MAX])
{
	int digits = 0, exponent;
	char *mark;

	if (isnan(value) || isinf(value)) {
		snprintf(text, TEMPLATE_FLOAT_MAX, "%s",
			 isnan(value) ? "NaN"
			 : value < 0  ? "-Inf"
				      : "+Inf");
		return text;
	}
	do
		snprintf(text, TEMPLATE_FLOAT_MAX, "%.*e", digits, value);
	while (strtod(text, NULL) != value && ++digits < 17);
	mark = strchr(text, 'e');
	exponent = mark ? atoi(mark + 1) : 0;
	if (exponent >= -4 && exponent < 6)
		snprintf(text, TEMPLATE_FLOAT_MAX, "%.*f",
			 digits > exponent ? digits - exponent : 0, value);
	return text;
}

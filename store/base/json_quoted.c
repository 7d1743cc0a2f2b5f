/* SPDX-License-Identifier: MIT */
#include "store/base/json_quoted.h"

#include "store/base/utf8.h"

#include <endian.h>
#include <string.h>

#define EACH_BYTE(value) (~UINT64_C(0) / 255 * (value))

/* The top bit of the lowest byte that is 0; above it, others may have theirs, too. */
static uint64_t zero_bytes(uint64_t x)
{
	return (x - EACH_BYTE(1)) & ~x;
}

size_t json_quoted_plain(const unsigned char *p, size_t len)
{
	size_t n = 0;
	uint64_t x, stops;

	for (; len - n >= sizeof(x); n += sizeof(x)) {
		memcpy(&x, p + n, sizeof(x));
		x = le64toh(x);
		stops = x | (x - EACH_BYTE(0x20)) | zero_bytes(x ^ EACH_BYTE('"')) |
			zero_bytes(x ^ EACH_BYTE('\\'));
		stops &= EACH_BYTE(0x80);
		if (stops)
			return n + (size_t)__builtin_ctzll(stops) / 8;
	}
	while (n < len && p[n] >= 0x20 && p[n] < 0x80 && p[n] != '"' && p[n] != '\\')
		n++;
	return n;
}

/* Four hex digits at p; -1 where there are none. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* \uXXXX, with a second one where that is the first half of a pair. *p stands behind the u. */
static const char *unicode_escape(const unsigned char **p, const unsigned char *end,
				  struct buf *out)
{
	int high = hex4(*p, end), low;

	if (high < 0)
		return "four hex digits must follow \\u";
	*p += 4;
	if (high >= 0xdc00 && high <= 0xdfff)
		return "second half of a surrogate pair without the first";
	if (high < 0xd800 || high > 0xdbff) {
		if (out)
			utf8_encode(out, (unsigned)high);
		return NULL;
	}
	low = end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return "first half of a surrogate pair without the second";
	*p += 6;
	if (out)
		utf8_encode(out,
			    0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return NULL;
}

static const char *escape(const unsigned char **p, const unsigned char *end, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (*p == end)
		return "a string does not end";
	if (**p == 'u') {
		++*p;
		return unicode_escape(p, end, out);
	}
	found = **p ? strchr(from, **p) : NULL;
	if (!found)
		return "unknown escape";
	++*p;
	if (out)
		buf_putc(out, to[found - from]);
	return NULL;
}

const char *json_quoted_read(const unsigned char **p, const unsigned char *end, struct buf *out)
{
	const char *broken = NULL;
	uint32_t code;
	size_t len;

	for (++*p; !broken && *p < end; *p += len) {
		len = json_quoted_plain(*p, (size_t)(end - *p));
		if (len == 0 && **p == '"') {
			++*p;
			return NULL;
		}
		if (len == 0 && **p == '\\') {
			++*p;
			broken = escape(p, end, out);
			continue;
		}
		if (len == 0 && **p < 0x20)
			return "control character in a string";
		if (len == 0)
			len = utf8_decode(*p, (size_t)(end - *p), &code);
		if (len == 0)
			return "not UTF-8";
		if (out)
			buf_append(out, *p, len);
	}
	return broken ? broken : "a string does not end";
}

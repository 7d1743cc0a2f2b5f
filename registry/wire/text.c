/* SPDX-License-Identifier: MIT */
#include "registry/wire/text.h"

#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 sequence at s and its code point; 0: it is broken (RFC 3629). */
static size_t sequence(const unsigned char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || s[0] > 0xf4 || n > len)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return n;
}

static bool text_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t text_control(const char *s, size_t len, uint32_t *code)
{
	size_t n = len ? sequence((const unsigned char *)s, len, code) : 0;

	if (len && !n) {
		*code = 0;
		return 1;
	}
	return n && text_is_control(*code) ? n : 0;
}

void text_make_harmless(struct buf *b, size_t from)
{
	uint32_t code;

	while (from < b->len) {
		size_t n = text_control(b->data + from, b->len - from, &code);

		if (n && code != '\n' && code != '\t')
			memset(b->data + from, '?', n);
		from += n ? n : 1;
		while (!n && from < b->len && (b->data[from] & 0xc0) == 0x80)
			from++; /* the rest of a character */
	}
}

static bool text_is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void text_append_clean(struct buf *b, const char *text, size_t len, size_t max)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t start = b->len;

	while (len && text_is_blank(s[0]))
		s++, len--;
	while (len && text_is_blank(s[len - 1]))
		len--;
	while (len) {
		uint32_t code = 0;
		size_t n = sequence(s, len, &code);

		if (b->len - start + (n ? n : 1) > max) {
			buf_puts(b, "…");
			return;
		}
		if (n && text_is_blank(s[0]))
			buf_putc(b, ' ');
		else if (n && !text_is_control(code))
			buf_append(b, s, n);
		else
			buf_putc(b, '?');
		s += n ? n : 1;
		len -= n ? n : 1;
	}
}

/* SPDX-License-Identifier: MIT */
#include "registry/wire/text.h"

#include "store/base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t text_control(const char *s, size_t len, uint32_t *code)
{
	size_t n = len ? utf8_decode(s, len, code) : 0;

	if (len && !n) {
		*code = 0;
		return 1;
	}
	return n && utf8_is_control(*code) ? n : 0;
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
		size_t n = utf8_decode(s, len, &code);

		if (b->len - start + (n ? n : 1) > max) {
			buf_puts(b, "…");
			return;
		}
		if (n && text_is_blank(s[0]))
			buf_putc(b, ' ');
		else if (n && !utf8_is_control(code))
			buf_append(b, s, n);
		else
			buf_putc(b, '?');
		s += n ? n : 1;
		len -= n ? n : 1;
	}
}

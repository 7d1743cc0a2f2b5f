/* SPDX-License-Identifier: MIT */
/* The functions of templates that make text harmless elsewhere: html, js, urlquery. */
#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"

#include <ctype.h>
#include <string.h>

/* nil is a text here. */
static bool escape_is_text(struct json_object *value)
{
	return !value || json_object_is_type(value, json_type_string);
}

/* Go's Sprint of all arguments, and of that each byte. */
static int escape_all(struct template_call *c, void (*put)(struct buf *out, unsigned char byte),
		      struct json_object **out)
{
	autobuf plain = BUF_INIT, text = BUF_INIT;

	for (size_t i = 0; i < c->count && plain.len <= TEMPLATE_TEXT_MAX; i++) {
		if (i && !escape_is_text(c->args[i]) && !escape_is_text(c->args[i - 1]))
			buf_putc(&plain, ' ');
		if (c->args[i])
			template_print(&plain, c->args[i]);
		else
			buf_puts(&plain, "<no value>");
	}
	text.failed |= buf_failed(&plain);
	for (size_t i = 0; i < plain.len && text.len <= TEMPLATE_TEXT_MAX; i++)
		put(&text, (unsigned char)plain.data[i]);
	return template_give(c, &text, out);
}

static void put_html(struct buf *out, unsigned char byte)
{
	switch (byte) {
	case '\0':
		buf_puts(out, "\xef\xbf\xbd");
		break;
	case '"':
		buf_puts(out, "&#34;");
		break;
	case '\'':
		buf_puts(out, "&#39;");
		break;
	case '&':
		buf_puts(out, "&amp;");
		break;
	case '<':
		buf_puts(out, "&lt;");
		break;
	case '>':
		buf_puts(out, "&gt;");
		break;
	default:
		buf_putc(out, (char)byte);
	}
}

static void put_js(struct buf *out, unsigned char byte)
{
	if (strchr("\\'\"", byte) && byte)
		buf_printf(out, "\\%c", byte);
	else if (byte < 0x20 || strchr("<>&=", byte))
		buf_printf(out, "\\u%04X", byte);
	else
		buf_putc(out, (char)byte);
}

static void put_query(struct buf *out, unsigned char byte)
{
	if ((byte < 0x80 && isalnum(byte)) || (byte && strchr("-_.~", byte)))
		buf_putc(out, (char)byte);
	else if (byte == ' ')
		buf_putc(out, '+');
	else
		buf_printf(out, "%%%02X", byte);
}

int template_f_html(struct template_call *c, struct json_object **out)
{
	return escape_all(c, put_html, out);
}

int template_f_js(struct template_call *c, struct json_object **out)
{
	return escape_all(c, put_js, out);
}

int template_f_urlquery(struct template_call *c, struct json_object **out)
{
	return escape_all(c, put_query, out);
}

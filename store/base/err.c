/* SPDX-License-Identifier: MIT */
#include "store/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 sequence that begins with this one. */
static size_t sequence_length(unsigned char first)
{
	return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/*
 * Names and messages from strangers end up in sentences, and sentences in tables with a record a
 * line: control characters become '?'. A sentence that was cut does not end inside a character.
 */
static void err_clean(char *text)
{
	size_t len = 0, last;

	for (; text[len]; len++)
		if ((unsigned char)text[len] < 0x20 || text[len] == 0x7f)
			text[len] = '?';
	if (len < ERR_TEXT_MAX - 1)
		return;
	for (last = len - 1; last > 0 && ((unsigned char)text[last] & 0xc0) == 0x80; last--)
		;
	if (last + sequence_length((unsigned char)text[last]) > len)
		text[last] = '\0';
}

/* errno carries the code too: that is where err_context finds it when nobody wants the sentence. */
static int finish(struct err *err, int code)
{
	assert(code > 0);
	if (err) {
		err->code = code;
		err->exit_status = 0;
		err_clean(err->text);
	}
	errno = code;
	return -code;
}

/* Puts ": tail" behind the first n bytes of the sentence, as far as there is room. */
static void err_append(struct err *err, int n, const char *tail)
{
	size_t at = n < 0 ? 0 : (size_t)n, len = strlen(tail), room;

	if (at + 3 > sizeof(err->text))
		return;
	memcpy(err->text + at, ": ", 2);
	at += 2;
	room = sizeof(err->text) - 1 - at;
	if (len > room)
		len = room;
	memcpy(err->text + at, tail, len);
	err->text[at + len] = '\0';
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return finish(err, code);
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	char message[128];
	va_list ap;
	int n;

	if (err) {
		va_start(ap, fmt);
		n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		err_append(err, n, strerror_r(code, message, sizeof(message)));
	}
	return finish(err, code);
}

int err_exit(struct err *err, int exit_status)
{
	assert(exit_status >= 0);
	if (err)
		err->exit_status = exit_status;
	return err ? -err->code : -errno;
}

int err_nomem(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}

int err_context(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;
	int code, n, exit_status;

	if (!err)
		return errno ? -errno : -EIO;
	exit_status = err->exit_status;
	code = err->code ? err->code : EIO;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err_append(err, n, old);
	finish(err, code);
	return err_exit(err, exit_status);
}

bool err_add(struct err *err, const struct err *other)
{
	size_t at = strlen(err->text), len = strlen(other->text);

	if (at + 1 + len >= sizeof(err->text))
		return false;
	err->text[at] = '\n';
	memcpy(err->text + at + 1, other->text, len + 1);
	return true;
}

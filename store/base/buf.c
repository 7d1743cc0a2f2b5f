/* SPDX-License-Identifier: MIT */
#include "store/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buf_reserve(struct buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	assert(b->len <= b->cap && !b->data == !b->cap);
	if (b->failed || __builtin_add_overflow(b->len, len, &need) || need > SIZE_MAX / 2 - 1) {
		b->failed = true;
		return NULL;
	}
	need++; /* the NUL behind */
	if (need > b->cap) {
		/* What is large and comes at once is given no more: a READ's buffer stays below the size from which on
		 * malloc maps memory, whose pages the kernel clears one by one. */
		cap = b->cap ? 2 * b->cap : 64;
		if (cap < need)
			cap = need;
		data = realloc(b->data, cap);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	b->data[need - 1] = '\0'; /* whoever fills the room has a NUL behind it */
	return b->data + b->len;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (len >= b->cap - b->len || b->failed) {
		if (!buf_reserve(b, len))
			return;
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_append_range(struct buf *b, const struct buf *from, uint64_t offset, size_t len)
{
	if (offset < from->len)
		buf_append(b, from->data + offset,
			   len < from->len - offset ? len : from->len - offset);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	to = buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

bool buf_failed(const struct buf *b)
{
	return b->failed;
}

char *buf_steal(struct buf *b)
{
	char *data;

	if (!buf_reserve(b, 0)) {
		buf_free(b);
		return NULL;
	}
	data = b->data;
	data[b->len] = '\0';
	*b = (struct buf)BUF_INIT;
	return data;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer. Always NUL-terminated behind its length once it holds
 * anything. Not thread safe. A failed allocation makes the buffer "failed": later
 * appends do nothing, and buf_failed() tells, so that a table is built without a
 * check after every cell.
 */
#ifndef STORE_BUF_H
#define STORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_append(struct buf *b, const void *data, size_t len);
/* Up to len bytes of another buffer from offset; nothing behind its end. */
void buf_append_range(struct buf *b, const struct buf *from, uint64_t offset, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes behind data + len; NULL where memory is out. The caller adds to len. */
char *buf_reserve(struct buf *b, size_t len);

/* True where an append was lost. */
bool buf_failed(const struct buf *b);

/* The bytes as a string that the caller frees ("" for an empty one); NULL where the buffer
 * failed. */
char *buf_steal(struct buf *b);

void buf_reset(struct buf *b); /* len = 0, memory kept */
void buf_free(struct buf *b);

#define autobuf __attribute__((cleanup(buf_free))) struct buf

#endif

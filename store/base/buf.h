/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer. A NUL stands behind its bytes once it holds anything. Not thread
 * safe. A failed allocation makes the buffer "failed": later appends do nothing, and
 * buf_failed() tells. So the code that builds a table need not check after every cell.
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
/* Appends up to len bytes of another buffer from offset; nothing if that is behind its end. */
void buf_append_range(struct buf *b, const struct buf *from, uint64_t offset, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more bytes and returns where they go; NULL: out of memory. The caller fills
 * them and adds to b->len. The pointer holds until the next append. */
char *buf_reserve(struct buf *b, size_t len);

/* True where an append was lost. */
bool buf_failed(const struct buf *b);

/* The bytes as a string that the caller frees ("" for an empty buffer); NULL if the buffer failed.
 * The buffer is empty afterwards. */
char *buf_steal(struct buf *b);

void buf_reset(struct buf *b); /* empty and not failed; memory kept */
void buf_free(struct buf *b);

#define autobuf __attribute__((cleanup(buf_free))) struct buf

#endif

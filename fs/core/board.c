/* SPDX-License-Identifier: MIT */
#include "fs/core/board.h"

#include <stdlib.h>
#include <string.h>

struct board_blob {
	struct digest digest;
	uint64_t done, total;
};

void board_init(struct board *b)
{
	*b = (struct board){.lines = BUF_INIT};
	pthread_mutex_init(&b->lock, NULL);
}

void board_destroy(struct board *b)
{
	buf_free(&b->lines);
	free(b->blobs);
	pthread_mutex_destroy(&b->lock);
}

static bool is_watched(const struct board *b)
{
	return b && *b->token;
}

void board_line(struct board *b, const char *line)
{
	if (!is_watched(b))
		return;
	pthread_mutex_lock(&b->lock);
	buf_puts(&b->lines, line);
	buf_putc(&b->lines, '\n');
	pthread_mutex_unlock(&b->lock);
}

static struct board_blob *board_find(struct board *b, const struct digest *d)
{
	struct board_blob *grown;

	for (size_t i = 0; i < b->count; i++)
		if (digest_equal(&b->blobs[i].digest, d))
			return &b->blobs[i];
	grown = reallocarray(b->blobs, b->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	b->blobs = grown;
	grown[b->count] = (struct board_blob){.digest = *d};
	return &grown[b->count++];
}

void board_blob(struct board *b, const struct digest *d, uint64_t done, uint64_t total)
{
	struct board_blob *blob;

	if (!is_watched(b))
		return;
	pthread_mutex_lock(&b->lock);
	blob = board_find(b, d);
	if (blob) {
		blob->done = done;
		blob->total = total;
	}
	pthread_mutex_unlock(&b->lock);
}

void board_print(struct board *b, size_t from, struct buf *out)
{
	char hex[DIGEST_HEX_MAX];
	const char *at, *end;

	pthread_mutex_lock(&b->lock);
	at = b->lines.data;
	for (size_t i = 0; at && at < b->lines.data + b->lines.len; i++, at = end + 1) {
		end = memchr(at, '\n', b->lines.len - (size_t)(at - b->lines.data));
		if (!end)
			break;
		if (i >= from)
			buf_printf(out, "line %.*s\n", (int)(end - at), at);
	}
	for (size_t i = 0; i < b->count; i++)
		buf_printf(out, "blob %.*s %llu %llu\n", DIGEST_ID_DIGITS,
			   digest_hex(&b->blobs[i].digest, hex),
			   (unsigned long long)b->blobs[i].done,
			   (unsigned long long)b->blobs[i].total);
	pthread_mutex_unlock(&b->lock);
}

/* SPDX-License-Identifier: MIT */
#include "store/layer/pieces.h"

#include "store/layer/layer_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct byte_range pieces_around(uint64_t offset, size_t len, uint64_t size)
{
	uint64_t end = (offset + len + LAYER_PIECE - 1) / LAYER_PIECE * LAYER_PIECE;

	return (struct byte_range){offset / LAYER_PIECE * LAYER_PIECE, end < size ? end : size};
}

/* They are looked at where they were read to, so that nothing can come between. */
static int read_whole(const struct layer_index *x, const struct blob_source *b,
		      struct byte_range in, void *data, struct err *err)
{
	size_t len = (size_t)(in.end - in.first);
	int r = blob_source_read(b, data, len, in.first, err);

	if (r || layer_index_fits(x, in.first, data, len))
		return r;
	return err_set(err, EBADMSG, "bytes %llu to %llu are not those of before",
		       (unsigned long long)in.first, (unsigned long long)in.end - 1);
}

int pieces_get(const struct layer_index *x, const struct blob_source *b, uint64_t offset,
	       size_t len, void **owned, const void **data, struct err *err)
{
	struct byte_range in = pieces_around(offset, len, blob_source_size(b));
	uint8_t *room = malloc(in.end - in.first);
	int r = room ? read_whole(x, b, in, room, err) : err_nomem(err);

	if (r) {
		free(room);
		return r;
	}
	*owned = room;
	*data = room + (offset - in.first);
	return 0;
}

int pieces_read(const struct layer_index *x, const struct blob_source *b, uint64_t offset,
		size_t len, struct buf *out, struct err *err)
{
	struct byte_range in = pieces_around(offset, len, blob_source_size(b));
	char *room = buf_reserve(out, (size_t)(in.end - in.first));
	int r = room ? read_whole(x, b, in, room, err) : err_nomem(err);

	if (r)
		return r;
	memmove(room, room + (offset - in.first), len);
	out->len += len;
	return 0;
}

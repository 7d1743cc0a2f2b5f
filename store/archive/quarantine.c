/* SPDX-License-Identifier: MIT */
#include "store/archive/quarantine.h"

#include "store/disk/blob.h"
#include "store/base/io.h"
#include "store/layer/layer_stream.h"
#include "store/tar/tar_header.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PIECE (512u << 10)

struct quarantine {
	struct store *store; /* borrowed */
	size_t *memory;	     /* borrowed: what may be kept there yet */
	size_t reserved;     /* of that */
	uint64_t promised, size;
	struct digest digest; /* once all is in */
	struct hash *hash;    /* owned, until then */
	struct buf bytes;     /* owned; where it is kept in memory */
	struct io_tmp tmp;    /* fd -1: there, or published */
	bool in_file, published;
	struct layer_stream *build; /* owned, or NULL: not tried, or given up, */
	struct err corruption;	    /* because of this; code 0: not tried */
	bool indexed;		    /* this one made derived/layers/HEX */
};

int quarantine_open(struct store *s, enum digest_algorithm algorithm, uint64_t size, size_t *memory,
		    struct quarantine **out, struct err *err)
{
	AUTO(quarantine_close) struct quarantine *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return err_nomem(err);
	q->store = s;
	q->memory = memory;
	q->promised = size;
	q->tmp.fd = -1;
	q->in_file = size > QUARANTINE_SMALL || size > *memory;
	if (!q->in_file) {
		q->reserved = (size_t)size;
		assert(q->reserved <= *memory);
		*memory -= q->reserved;
	}
	r = hash_open(algorithm, &q->hash, err);
	if (!r && q->in_file)
		r = io_tmp_open(store_dirfd(s), BLOB_TMP, 0600, &q->tmp, err);
	if (!r)
		*out = steal(&q);
	return r;
}

/* An archive or something compressed, by its first bytes; documents are not. It is a guess, made
 * so that most layers are indexed as they come: the others are when they prove to be some. */
static bool looks_like_layer(const void *data, size_t len)
{
	struct tar_header header;
	enum compression c;

	if (compression_detect(data, len, &c, NULL) != 0 || c != COMPRESSION_NONE)
		return true;
	return len >= TAR_BLOCK &&
	       (tar_header_is_zero(data) || tar_header_parse(data, &header, NULL) == 0);
}

/* Bytes that are no layer: that is nothing wrong with them, until somebody says that they are one.
 * What else fails (the disk) counts. */
static int give_up(struct quarantine *q, int r, const struct err *why, struct err *err)
{
	layer_stream_close(steal(&q->build));
	if (r == -EBADMSG || r == -EOPNOTSUPP) {
		q->corruption = *why;
		return 0;
	}
	if (err)
		*err = *why;
	return r;
}

static int build(struct quarantine *q, const void *data, size_t len, struct err *err)
{
	struct err why = {0};
	int r = 0;

	if (q->size == 0 && looks_like_layer(data, len))
		r = layer_stream_open(q->store, NULL, NULL, &q->build, &why);
	if (!r && q->build)
		r = layer_stream_put(q->build, data, len, &why);
	return r < 0 ? give_up(q, r, &why, err) : 0;
}

static int quarantine_keep(struct quarantine *q, const void *data, size_t len, struct err *err)
{
	int r;

	if (!q->in_file) {
		buf_append(&q->bytes, data, len);
		return buf_failed(&q->bytes) ? err_nomem(err) : 0;
	}
	r = io_pwrite_all(q->tmp.fd, data, len, (off_t)q->size, err);
	if (!r)
		io_start_writeback(q->tmp.fd, q->size, len);
	return r;
}

int quarantine_write(struct quarantine *q, const void *data, size_t len, struct err *err)
{
	int r;

	if (len == 0)
		return 0;
	assert(q->size <= q->promised);
	if (len > q->promised - q->size)
		return err_set(err, EBADMSG, "more bytes than the promised %llu",
			       (unsigned long long)q->promised);
	r = build(q, data, len, err);
	if (!r)
		r = quarantine_keep(q, data, len, err);
	hash_update(q->hash, data, len);
	q->size += len;
	return r;
}

/* Publishes the index of what is a layer. Its digest is known by now, and is that of the bytes,
 * whatever else may be claimed: an index is never wrong. */
static int finish_build(struct quarantine *q, struct err *err)
{
	struct err why = {0};
	int r;

	if (!q->build)
		return 0;
	q->indexed = !blob_exists(q->store, &q->digest, q->size);
	r = layer_stream_finish(q->build, &q->digest, &why);
	if (r < 0)
		return give_up(q, r, &why, err);
	layer_stream_close(steal(&q->build));
	return 0;
}

int quarantine_end(struct quarantine *q, struct err *err)
{
	hash_final(q->hash, &q->digest);
	return finish_build(q, err);
}

const struct digest *quarantine_digest(const struct quarantine *q)
{
	return &q->digest;
}

uint64_t quarantine_size(const struct quarantine *q)
{
	return q->size;
}

/* Up to max bytes from an offset: the count, 0 at the end. */
static ssize_t read_at(const struct quarantine *q, void *data, size_t max, uint64_t offset,
		       struct err *err)
{
	if (q->in_file)
		return io_pread(q->tmp.fd, data, max, (off_t)offset, err);
	assert(offset <= q->size && q->bytes.len == q->size);
	if (max > q->size - offset)
		max = (size_t)(q->size - offset);
	memcpy(data, q->bytes.data + offset, max);
	return (ssize_t)max;
}

int quarantine_read(const struct quarantine *q, size_t max, struct buf *out, struct err *err)
{
	char *room;
	ssize_t n;

	if (q->size > max)
		return err_set(err, EFBIG, "larger than %zu bytes", max);
	room = buf_reserve(out, (size_t)q->size);
	if (!room)
		return err_nomem(err);
	n = q->size ? read_at(q, room, (size_t)q->size, 0, err) : 0;
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

/* It did not look like a layer. */
static int build_now(struct quarantine *q, struct cancel *cancel, struct err *err)
{
	autofree char *piece = malloc(PIECE);
	uint64_t at = 0;
	int r = piece ? 0 : err_nomem(err);

	if (!r)
		r = layer_stream_open(q->store, NULL, NULL, &q->build, err);
	while (!r && at < q->size) {
		ssize_t n = read_at(q, piece, PIECE, at, err);

		r = n < 0 ? (int)n : cancel_check(cancel, err);
		if (!r)
			r = layer_stream_put(q->build, piece, (size_t)n, err);
		at += n > 0 ? (size_t)n : 0;
	}
	return r ? r : finish_build(q, err);
}

int quarantine_layer(struct quarantine *q, struct cancel *cancel, struct layer_index **out,
		     struct err *err)
{
	int r;

	if (!q->corruption.code) {
		r = layer_index_open(q->store, &q->digest, LAYER_CHECK_BLOCKS, out, err);
		if (r == -ENOENT)
			r = build_now(q, cancel, err);
		else
			return r;
		if (r < 0)
			return r;
	}
	if (!q->corruption.code)
		return layer_index_open(q->store, &q->digest, LAYER_CHECK_BLOCKS, out, err);
	if (err)
		*err = q->corruption;
	return -q->corruption.code;
}

int quarantine_publish(struct quarantine *q, struct err *err)
{
	int r;

	if (q->published)
		return 0;
	if (q->in_file)
		r = blob_adopt(q->store, &q->tmp, &q->digest, err);
	else
		r = blob_put(q->store, &q->digest, q->bytes.data ? q->bytes.data : "", q->bytes.len,
			     err);
	q->published = !r;
	return r;
}

void quarantine_close(struct quarantine *q)
{
	if (!q)
		return;
	layer_stream_close(q->build);
	hash_close(q->hash);
	io_tmp_abort(&q->tmp);
	if (q->indexed && !q->published && !blob_exists(q->store, &q->digest, q->size))
		layer_index_remove(q->store, &q->digest);
	buf_free(&q->bytes);
	*q->memory += q->reserved;
	free(q);
}

/* SPDX-License-Identifier: MIT */
#include "store/layer/raw.h"

#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/disk/damage.h"
#include "store/layer/layer_writer.h"
#include "store/layer/pieces.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define READ_SIZE (1u << 20) /* bytes of a blob that is read through, at once */

struct raw {
	struct store *store; /* borrowed */
	struct digest blob;
	struct blob_source *source; /* owned, as is index */
	struct layer_index *index;
	atomic_bool stale;
	atomic_uint users;
};

static int open_pieces(struct store *s, const struct digest *blob, struct layer_index **out,
		       struct err *err)
{
	int r = layer_index_open(s, blob, LAYER_CHECK_BLOCKS, out, err);

	return r == -ENOENT ? layer_index_open(s, blob, LAYER_CHECK_RAW, out, err) : r;
}

int raw_open(struct store *s, const struct digest *blob, struct raw **out, struct err *err)
{
	AUTO(raw_put) struct raw *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_nomem(err);
	w->store = s;
	w->blob = *blob;
	atomic_init(&w->users, 1);
	r = blob_source_open(s, blob, &w->source, err);
	if (!r)
		r = open_pieces(s, blob, &w->index, err);
	if (!r && blob_source_size(w->source) != layer_index_blob_size(w->index))
		r = err_set(err, EBADMSG, "the blob in the store has another size than before");
	if (!r)
		*out = steal(&w);
	return r;
}

struct raw *raw_get(struct raw *w)
{
	atomic_fetch_add(&w->users, 1);
	return w;
}

void raw_put(struct raw *w)
{
	if (!w || atomic_fetch_sub(&w->users, 1) > 1)
		return;
	blob_source_close(w->source);
	layer_index_close(w->index);
	free(w);
}

bool raw_is_current(const struct raw *w)
{
	return !atomic_load(&w->stale);
}

/* The bytes did not fit: by whose fault? */
static int raw_find_damage(struct raw *w, int r, struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	if (r != -EBADMSG && r != -EIO)
		return r;
	if (!layer_index_intact(w->index)) {
		layer_index_remove(w->store, &w->blob);
		atomic_store(&w->stale, true);
	} else if (blob_is_replaced(w->store, &w->blob, blob_source_whole_fd(w->source))) {
		atomic_store(&w->stale, true);
	} else {
		damage_mark(w->store, &w->blob);
	}
	return err_context(err, "blob %s is damaged", digest_text(&w->blob, text));
}

int raw_read(struct raw *w, uint64_t offset, size_t len, struct buf *out, struct err *err)
{
	int r;

	if (len == 0)
		return 0;
	blob_source_used(w->source, (struct byte_range){offset, offset + len});
	r = pieces_read(w->index, w->source, offset, len, out, err);
	return r ? raw_find_damage(w, r, err) : 0;
}

/* All of the blob into the index, and what digest it has. */
static int read_through(int fd, struct layer_writer *w, struct hash *hash, struct cancel *cancel,
			uint64_t *size, struct err *err)
{
	autofree char *data = malloc(READ_SIZE);
	ssize_t n;
	int r;

	if (!data)
		return err_nomem(err);
	while ((n = io_pread(fd, data, READ_SIZE, (off_t)*size, err)) > 0) {
		r = cancel_check(cancel, err);
		if (r)
			return r;
		hash_update(hash, data, (size_t)n);
		layer_writer_raw(w, data, (size_t)n);
		*size += (uint64_t)n;
	}
	return (int)n;
}

static int make_raw(struct store *s, const struct digest *blob, struct cancel *cancel,
		    struct err *err)
{
	autoclose int fd = blob_open(s, blob, NULL, err);
	AUTO(layer_writer_close) struct layer_writer *w = NULL;
	AUTO(hash_close) struct hash *hash = NULL;
	autobuf none = BUF_INIT;
	struct layer_summary all = {.blob = blob, .diff_id = blob, .toc = &none};
	int r = fd < 0 ? fd : hash_open(blob->algorithm, &hash, err);

	if (!r)
		r = layer_writer_open(s, LAYER_CHECK_RAW, &w, err);
	if (!r)
		r = read_through(fd, w, hash, cancel, &all.blob_size, err);
	if (!r)
		r = damage_check(s, blob, hash, err);
	if (r)
		return r;
	all.archive_size = all.blob_size;
	return layer_writer_finish(w, &all, err);
}

int raw_prepare(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	int r = open_pieces(s, blob, &index, NULL);

	return r == -ENOENT ? make_raw(s, blob, cancel, err) : r;
}

/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_build.h"

#include "store/base/budget.h"
#include "store/base/io.h"
#include "store/base/lane.h"
#include "store/disk/damage.h"
#include "store/layer/layer_index.h"
#include "store/layer/layer_writer.h"
#include "store/tar/tar.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE (512u << 10)

struct layer_build {
	struct budget *budget; /* borrowed, as is cancel */
	struct cancel *cancel; /* or NULL */
	size_t window;	       /* taken from the budget */
	struct digest diff_id; /* what it should be */
	bool has_diff_id;

	uint8_t head[COMPRESSION_HEAD]; /* the first bytes, until the codec is known */
	size_t head_len;
	enum compression compression;
	struct codec *codec; /* these are owned */
	struct layer_writer *writer;
	struct lane *lane; /* its thread uses the three below, until it is drained */
	struct hash *hash; /* of the archive */
	struct tar *tar;
	struct toc_writer *toc;

	uint64_t in, out; /* bytes of the blob, of the archive */
};

static int layer_build_on_entry(void *arg, const struct entry *e, struct err *err)
{
	struct layer_build *b = arg;

	return toc_writer_add(b->toc, e, err);
}

/*
 * The archive, in order. What decodes it is busy enough with that, so the hash and the parser,
 * which take a third of the time, run in a lane beside. The writer stays here: it sees seek points
 * too, between the bytes that they stand between.
 */
static int layer_build_on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct layer_build *b = arg;
	int r = cancel_check(b->cancel, err); /* a few bytes may stand for a gigabyte */

	if (!r)
		r = layer_writer_data(b->writer, data, len, err);
	b->out += len;
	return r ? r : lane_put(b->lane, data, len, err);
}

/* In the lane's thread. */
static int on_archive(void *arg, const void *data, size_t len, struct err *err)
{
	struct layer_build *b = arg;

	hash_update(b->hash, data, len);
	return tar_feed(b->tar, data, len, err);
}

static int layer_build_on_point(void *arg, const struct seek_point *p, const void *window,
				struct err *err)
{
	struct layer_build *b = arg;

	return layer_writer_point(b->writer, p, window, err);
}

static int layer_build_on_input(void *arg, const void *data, size_t len, struct err *err)
{
	struct layer_build *b = arg;

	return layer_writer_input(b->writer, data, len, err);
}

/* Before a larger window is waited for, the one that there is is given back, so that no two wait
 * for each other. */
static int layer_build_on_window(void *arg, size_t bytes, struct err *err)
{
	struct layer_build *b = arg;
	int r;

	budget_give(b->budget, b->window);
	b->window = 0;
	r = budget_take(b->budget, bytes, b->cancel, err);
	if (!r)
		b->window = bytes;
	return r;
}

int layer_build_open(struct store *s, const struct digest *diff_id, struct cancel *cancel,
		     struct layer_build **out, struct err *err)
{
	AUTO(layer_build_close) struct layer_build *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err_nomem(err);
	b->budget = store_windows(s);
	b->cancel = cancel;
	b->has_diff_id = diff_id != NULL;
	if (diff_id)
		b->diff_id = *diff_id;
	r = hash_open(diff_id ? diff_id->algorithm : DIGEST_SHA256, &b->hash, err);
	if (!r)
		r = toc_writer_open(&b->toc, err);
	if (!r)
		r = tar_open(layer_build_on_entry, b, &b->tar, err);
	if (!r)
		r = layer_writer_open(s, LAYER_CHECK_BLOCKS, &b->writer, err);
	if (!r)
		r = lane_open(on_archive, b, &b->lane, err);
	if (!r)
		*out = steal(&b);
	return r;
}

static int layer_build_start_codec(struct layer_build *b, struct err *err)
{
	struct codec_sink sink = {.arg = b,
				  .data = layer_build_on_data,
				  .point = layer_build_on_point,
				  .window = layer_build_on_window,
				  .input = layer_build_on_input};
	int r = compression_detect(b->head, b->head_len, &b->compression, err);

	if (!r)
		r = codec_open(b->compression, &sink, &b->codec, err);
	return r ? r : codec_feed(b->codec, b->head, b->head_len, err);
}

int layer_build_feed(struct layer_build *b, const void *data, size_t len, struct err *err)
{
	const uint8_t *p = data;
	int r;

	b->in += len;
	layer_writer_raw(b->writer, data, len);
	while (!b->codec && len > 0) {
		b->head[b->head_len++] = *p++;
		len--;
		if (b->head_len == COMPRESSION_HEAD) {
			r = layer_build_start_codec(b, err);
			if (r)
				return r;
		}
	}
	return len > 0 ? codec_feed(b->codec, p, len, err) : 0;
}

int layer_build_finish(struct layer_build *b, const struct digest *blob, struct err *err)
{
	struct digest found;
	struct layer_summary summary = {.blob = blob, .diff_id = &found};
	autobuf toc = BUF_INIT;
	int r;

	assert(b->head_len <= COMPRESSION_HEAD);
	r = b->codec ? 0 : layer_build_start_codec(b, err);

	if (!r)
		r = codec_finish(b->codec, err);
	if (!r)
		r = lane_drain(b->lane, err);
	if (!r)
		r = tar_finish(b->tar, err);
	if (r)
		return r;
	hash_final(b->hash, &found);
	r = layer_build_check_diff_id(&found, b->has_diff_id ? &b->diff_id : NULL, err);
	if (!r)
		r = toc_writer_finish(b->toc, &toc, err);
	if (r)
		return r;

	summary.compression = b->compression;
	summary.blob_size = b->in;
	summary.archive_size = b->out;
	summary.entries = toc_writer_count(b->toc);
	summary.toc = &toc;
	return layer_writer_finish(b->writer, &summary, err);
}

void layer_build_close(struct layer_build *b)
{
	if (!b)
		return;
	lane_close(b->lane);
	codec_close(b->codec);
	budget_give(b->budget, b->window);
	hash_close(b->hash);
	tar_close(b->tar);
	toc_writer_close(b->toc);
	layer_writer_close(b->writer);
	free(b);
}

/* The blob's bytes through its own hash and through the build. A build that finds them corrupt
 * is remembered in *corrupt, as the digest has the first word on what is wrong. */
static int feed_blob(struct layer_build *b, int fd, struct hash *hash, struct cancel *cancel,
		     struct err *corrupt, struct err *err)
{
	autofree uint8_t *piece = malloc(PIECE);
	off_t offset = 0;
	ssize_t n;
	int r;

	if (!piece)
		return err_nomem(err);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = io_pread(fd, piece, PIECE, offset, err)) > 0) {
		r = cancel_check(cancel, err);
		if (r)
			return r;
		hash_update(hash, piece, (size_t)n);
		offset += n;
		if (corrupt->code == 0)
			r = layer_build_feed(b, piece, (size_t)n, corrupt);
		if (r && r != -EBADMSG && r != -EOPNOTSUPP) {
			if (err)
				*err = *corrupt;
			return r;
		}
	}
	return (int)n;
}

int layer_build_from_blob(struct store *s, const struct digest *blob, const struct digest *diff_id,
			  struct cancel *cancel, struct err *err)
{
	AUTO(layer_build_close) struct layer_build *b = NULL;
	AUTO(hash_close) struct hash *hash = NULL;
	autoclose int fd = blob_open(s, blob, NULL, err);
	struct err corrupt = {0};
	int r;

	if (fd < 0)
		return fd;
	r = hash_open(blob->algorithm, &hash, err);
	if (!r)
		r = layer_build_open(s, diff_id, cancel, &b, err);
	if (!r)
		r = feed_blob(b, fd, hash, cancel, &corrupt, err);
	if (!r)
		r = damage_check(s, blob, hash, err);
	if (r)
		return r;
	if (corrupt.code) {
		if (err)
			*err = corrupt;
		return -corrupt.code;
	}
	return layer_build_finish(b, blob, err);
}

int layer_build_check_diff_id(const struct digest *found, const struct digest *wanted,
			      struct err *err)
{
	char found_text[DIGEST_TEXT_MAX], wanted_text[DIGEST_TEXT_MAX];

	if (!wanted || digest_equal(found, wanted))
		return 0;
	return err_set(err, EBADMSG, "its archive has the digest %s, the config says diff_id %s",
		       digest_text(found, found_text), digest_text(wanted, wanted_text));
}

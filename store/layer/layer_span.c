/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_private.h"

#include "store/base/io.h"
#include "store/base/xxh.h"
#include "store/disk/blob.h"
#include "store/disk/damage.h"
#include "store/layer/layer_format.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* A span that is decoded step by step. */
struct layer_decoder {
	struct seek *seek;
	uint8_t *whole;	 /* owned; NULL, or where what is skipped and the span are decoded to */
	uint8_t *packed; /* owned; NULL, or the compressed bytes, verified */
	size_t verified; /* bytes: whole blocks, or all */
};

static int layer_read_source(void *arg, void *data, size_t len, uint64_t offset, struct err *err)
{
	const struct layer_fill *f = arg;

	return f->part->in_frames ? io_pread_all(f->layer->frames_fd, data, len, (off_t)offset, err)
				  : blob_source_read(f->layer->source, data, len, offset, err);
}

/* All of the span: it is read in pieces, and a disk that does not know waits for each. */
static void expect_source(const struct layer_fill *f)
{
	const struct span *span = &f->part->span;

	if (!f->part->in_frames)
		blob_source_expect(f->layer->source, (size_t)(span->in_end - span->from.in),
				   span->from.in);
}

static int unpack_window(const struct layer_part *part, void *window, struct err *err)
{
	size_t len = part->span.from.window;

	if (len > 0 &&
	    ZSTD_decompress(window, CODEC_WINDOW, part->window, part->window_size) != len)
		return err_set(err, EBADMSG, "the window of a seek point is damaged");
	return 0;
}

static void decoder_end(void *state)
{
	struct layer_decoder *d = state;

	seek_close(d->seek);
	free(d->whole);
	free(d->packed);
	free(d);
}

static int verify_digest(const struct layer_part *part, const uint8_t *data, size_t len,
			 struct err *err)
{
	struct digest found;
	int r = digest_of(DIGEST_SHA256, data, len, &found, err);

	if (!r && memcmp(found.bytes, part->checks, LAYER_DIGEST_WORDS * sizeof(uint64_t)) != 0)
		r = err_set(err, EBADMSG, "the data do not match their digest");
	return r;
}

/* Compressed bytes that have a digest are in memory before they are verified, so that no others are
 * decoded. */
static int read_packed(struct layer_fill *f, struct layer_decoder *d, struct err *err)
{
	const struct span *span = &f->part->span;
	size_t len = (size_t)(span->in_end - span->from.in);
	int r;

	if (!layer_check_is_packed(layer_index_check(f->layer->index)))
		return 0;
	if (len > LAYER_PACKED_MAX)
		return err_set(err, EBADMSG, "a span of %zu compressed bytes", len);
	d->packed = malloc(len);
	r = d->packed ? layer_read_source(f, d->packed, len, span->from.in, err) : err_nomem(err);
	return r ? r : verify_digest(f->part, d->packed, len, err);
}

/* What a step reads: the source, or what was verified of it. */
struct step {
	struct layer_fill *fill;
	const struct layer_decoder *decoder;
};

static int read_step(void *arg, void *data, size_t len, uint64_t offset, struct err *err)
{
	const struct step *s = arg;

	if (!s->decoder->packed)
		return layer_read_source(s->fill, data, len, offset, err);
	memcpy(data, s->decoder->packed + (offset - s->fill->part->span.from.in), len);
	return 0;
}

static int decoder_step(struct layer_fill *f, struct layer_decoder *d, size_t wanted,
			struct err *err)
{
	struct step step = {f, d};

	return seek_run(d->seek, wanted + f->part->skip, read_step, &step, err);
}

/* Opens the decoder, which ends with its span, also after an error, and takes the first step. */
static int decoder_begin(struct layer_fill *f, void *data, size_t wanted, void **state,
			 struct err *err)
{
	uint8_t window[CODEC_WINDOW];
	struct layer_decoder *d = calloc(1, sizeof(*d));
	struct span span = f->part->span;
	int r;

	expect_source(f);
	*state = d;
	r = d ? unpack_window(f->part, window, err) : err_nomem(err);
	if (!r)
		r = read_packed(f, d, err);
	span.len += f->part->skip;
	if (!r && f->part->skip > 0) {
		data = d->whole = malloc(span.len);
		r = data ? 0 : err_nomem(err);
	}
	if (!r)
		r = seek_open(&span, window, data, &d->seek, err);
	return r ? r : decoder_step(f, d, wanted, err);
}

/* The blocks that have become whole. */
static int verify_blocks(struct layer_decoder *d, const struct layer_part *part,
			 const uint8_t *data, struct err *err)
{
	size_t filled = seek_filled(d->seek);

	while (d->verified < filled) {
		size_t len = filled - d->verified;

		if (len < LAYER_BLOCK && filled < part->span.len)
			break;
		len = len < LAYER_BLOCK ? len : LAYER_BLOCK;
		if (XXH3_64bits(data + d->verified, len) != part->checks[d->verified / LAYER_BLOCK])
			return err_set(err, EBADMSG, "the data do not match their checksum");
		d->verified += len;
	}
	return 0;
}

/* Of a digest, only all of the span can be verified, before or behind the decoder. What was skipped in front of it is verified by
 * nobody, and goes. */
static int layer_verify(struct layer_fill *f, struct layer_decoder *d, uint8_t *data,
			struct err *err)
{
	enum layer_check kind = layer_index_check(f->layer->index);
	int r = 0;

	if (kind == LAYER_CHECK_BLOCKS)
		return verify_blocks(d, f->part, data, err);
	assert(seek_filled(d->seek) == f->part->skip + f->part->span.len);
	if (d->whole) {
		memcpy(data, d->whole + f->part->skip, f->part->span.len);
		free(steal(&d->whole));
	}
	if (layer_check_is_packed(kind))
		free(steal(&d->packed));
	else
		r = verify_digest(f->part, data, f->part->span.len, err);
	if (!r)
		d->verified = f->part->span.len;
	return r;
}

void layer_mark_blob(struct layer *l)
{
	if (blob_is_replaced(l->store, &l->blob, blob_source_whole_fd(l->source)))
		atomic_store(&l->damaged, true);
	else
		damage_mark(l->store, &l->blob);
}

void layer_drop_derived(struct layer *l)
{
	atomic_store(&l->damaged, true);
	layer_index_remove(l->store, &l->blob);
}

/* A span could not be decoded: by whose fault? `losses`: of what is held, before it was read. */
static int find_damage(struct layer *l, const struct layer_part *part, uint64_t losses, int r,
		       struct err *err)
{
	struct held *held = blob_source_held(l->source);
	struct byte_range in = {part->span.from.in, part->span.in_end};
	bool index;

	if (r ==
	    -EOPNOTSUPP) { /* by a bit of a frame's header; a layer of such frames has no index */
		r = -EBADMSG;
		if (err)
			err->code = EBADMSG;
	}
	if (r != -EBADMSG && r != -EIO)
		return r;
	index = !part->in_frames && r == -EBADMSG && !layer_index_intact(l->index);
	if (index || part->in_frames)
		layer_drop_derived(l);
	else if (held && !held_spoilt(held, in, losses))
		return err_set(err, ENODATA, "bytes of the blob went while they were read");
	else if (!held)
		layer_mark_blob(l);
	err_context(err, "%s of the layer, damaged at %llu",
		    part->in_frames ? "frames"
		    : index	    ? "the index"
				    : "the blob",
		    (unsigned long long)part->span.from.out);
	return r;
}

static ssize_t fill_span(void *arg, void **state, void *data, size_t wanted, struct err *err)
{
	struct layer_fill *f = arg;
	const struct layer_part *part = f->part;
	struct held *held = blob_source_held(f->layer->source);
	uint64_t losses = held ? held_losses(held) : 0;
	struct layer_decoder *d = *state;
	int r;

	wanted = (wanted + LAYER_BLOCK - 1) / LAYER_BLOCK * LAYER_BLOCK;
	if (wanted > part->span.len || layer_check_is_table(layer_index_check(f->layer->index)))
		wanted = part->span.len;
	if (d)
		r = decoder_step(f, d, wanted, err);
	else
		r = decoder_begin(f, data, wanted, state, err);
	d = *state;
	if (!r)
		r = layer_verify(f, d, data, err);
	return r ? find_damage(f->layer, part, losses, r, err) : (ssize_t)d->verified;
}

const struct span_ops layer_span_ops = {fill_span, decoder_end};

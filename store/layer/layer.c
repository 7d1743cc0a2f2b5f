/* SPDX-License-Identifier: MIT */
#include "store/layer/layer.h"

#include "store/base/io.h"
#include "store/layer/layer_format.h"
#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

struct layer {
	struct store *store;	  /* borrowed */
	struct span_cache *cache; /* borrowed */
	struct digest blob;
	struct blob_source *source; /* owned */
	int frames_fd;		    /* owned; -1 where none are needed */
	struct layer_index *index;  /* owned */
	atomic_bool damaged;	    /* index or frames */
};

static int open_frames(struct layer *l, struct err *err)
{
	uint64_t size = layer_index_frames_size(l->index);
	char path[LAYER_PATH_MAX];
	struct stat st;

	if (size == 0)
		return 0;
	l->frames_fd = io_open(store_cachefd(l->store), layer_path(&l->blob, ".frames", path),
			       O_RDONLY, 0, err);
	if (l->frames_fd < 0)
		return l->frames_fd;
	if (fstat(l->frames_fd, &st) < 0)
		return err_sys(err, "stat %s", path);
	if ((uint64_t)st.st_size != size)
		return err_set(err, ENOENT, "%s is incomplete", path);
	return 0;
}

int layer_open_source(struct store *s, struct span_cache *cache, const struct digest *blob,
		      enum layer_check kind, struct blob_source *source, struct layer **out,
		      struct err *err)
{
	AUTO(layer_close) struct layer *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		blob_source_close(source);
		return err_nomem(err);
	}
	l->store = s;
	l->cache = cache;
	l->blob = *blob;
	l->source = source;
	l->frames_fd = -1;
	r = layer_index_open(s, blob, kind, &l->index, err);
	if (!r && blob_source_size(source) != layer_index_blob_size(l->index))
		r = err_set(err, EBADMSG, "the blob in the store has another size than before");
	if (!r)
		r = open_frames(l, err);
	if (!r)
		*out = steal(&l);
	return r;
}

int layer_open(struct store *s, struct span_cache *cache, const struct digest *blob,
	       struct layer **out, struct err *err)
{
	struct blob_source *source;
	int r = blob_source_open(s, blob, &source, err);

	return r ? r : layer_open_source(s, cache, blob, LAYER_CHECK_BLOCKS, source, out, err);
}

int layer_open_name(struct store *s, struct span_cache *cache, const struct layer_name *name,
		    uint64_t blob_size, struct layer **out, struct err *err)
{
	struct blob_source *source;
	struct held *held;
	int r;

	if (name->check == LAYER_CHECK_BLOCKS)
		return layer_open(s, cache, &name->blob, out, err);
	r = blob_source_open(s, &name->blob, &source, err);
	if (r == -ENOENT) {
		r = held_open(s, &name->blob, blob_size, &held, err);
		if (!r)
			r = blob_source_open_held(held, &source, err);
	}
	return r ? r : layer_open_source(s, cache, &name->blob, name->check, source, out, err);
}

void layer_close(struct layer *l)
{
	if (!l)
		return;
	blob_source_close(l->source);
	if (l->frames_fd >= 0)
		close(l->frames_fd);
	layer_index_close(l->index);
	free(l);
}

bool layer_intact(const struct layer *l)
{
	return !atomic_load(&l->damaged);
}

const struct layer_index *layer_index(const struct layer *l)
{
	return l->index;
}

struct held *layer_held(const struct layer *l)
{
	return blob_source_held(l->source);
}

int layer_plain_fd(const struct layer *l)
{
	return layer_index_is_plain(l->index) ? blob_source_whole_fd(l->source) : -1;
}

/* A span that is decoded step by step. */
struct layer_decoder {
	struct seek *seek;
	uint8_t *whole;	 /* owned; NULL, or where what is skipped and the span are decoded to */
	uint8_t *packed; /* owned; NULL, or the compressed bytes, verified */
	size_t verified; /* bytes: whole blocks, or all */
};

/* What a step needs to know. */
struct fill {
	struct layer *layer;
	const struct layer_part *part;
};

static int layer_read_source(void *arg, void *data, size_t len, uint64_t offset, struct err *err)
{
	const struct fill *f = arg;

	return f->part->in_frames ? io_pread_all(f->layer->frames_fd, data, len, (off_t)offset, err)
				  : blob_source_read(f->layer->source, data, len, offset, err);
}

/* All of the span: it is read in pieces, and a disk that does not know waits for each. */
static void expect_source(const struct fill *f)
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
static int read_packed(struct fill *f, struct layer_decoder *d, struct err *err)
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
	struct fill *fill;
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

static int decoder_step(struct fill *f, struct layer_decoder *d, size_t wanted, struct err *err)
{
	struct step step = {f, d};

	return seek_run(d->seek, wanted + f->part->skip, read_step, &step, err);
}

/* Opens the decoder, which ends with its span, also after an error, and takes the first step. */
static int decoder_begin(struct fill *f, void *data, size_t wanted, void **state, struct err *err)
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
static int layer_verify(struct fill *f, struct layer_decoder *d, uint8_t *data, struct err *err)
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

/* What is derived from the blob goes, and is made again when the layer is opened the next time. */
static void drop_derived(struct layer *l)
{
	atomic_store(&l->damaged, true);
	layer_index_remove(l->store, &l->blob);
}

/* A span could not be decoded: by whose fault? */
static int find_damage(struct layer *l, const struct layer_part *part, int r, struct err *err)
{
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
		drop_derived(l);
	else if (blob_source_held(l->source)) /* it is fetched again */
		held_drop(blob_source_held(l->source),
			  (struct byte_range){part->span.from.in, part->span.in_end}, NULL);
	err_context(err, "%s of the layer, damaged at %llu",
		    part->in_frames ? "frames"
		    : index	    ? "the index"
				    : "the blob",
		    (unsigned long long)part->span.from.out);
	return r;
}

static ssize_t fill_span(void *arg, void **state, void *data, size_t wanted, struct err *err)
{
	struct fill *f = arg;
	const struct layer_part *part = f->part;
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
	return r ? find_damage(f->layer, part, r, err) : (ssize_t)d->verified;
}

/* As much as the span has of the range. */
static int layer_get_span(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
			  struct err *err)
{
	static const struct span_ops ops = {fill_span, decoder_end};
	struct layer_part part;
	struct fill fill = {l, &part};
	struct span_key key = {0};
	size_t at, wanted;
	bool begun;
	int r;

	if (layer_index_find(l->index, offset, &part) < 0) {
		drop_derived(l);
		return err_set(err, EBADMSG, "the index of the layer has no offset %llu any more",
			       (unsigned long long)offset);
	}
	memcpy(key.layer, l->blob.bytes, sizeof(key.layer));
	key.index = layer_index_checksum(l->index);
	key.number = part.number;
	key.len = part.span.len; /* the index may be damaged since */
	at = offset - part.span.from.out;
	out->last = len >= part.span.len - at;
	out->len = out->last ? part.span.len - at : len;
	wanted = compression_is_small(part.span.compression) ? at + out->len : part.span.len;
	r = span_cache_get(l->cache, &key, wanted, &ops, &fill, &out->span, &begun, err);
	if (r)
		return r;
	out->data = cached_span_data(out->span) + at;
	if (begun) {
		out->before = at;
		out->after = part.span.len - at - out->len;
	}
	return 0;
}

static int get_plain(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
		     struct err *err)
{
	int r;

	out->data = out->owned = malloc(len);
	out->len = len;
	r = out->owned ? blob_source_read(l->source, out->owned, len, offset, err) : err_nomem(err);
	if (r)
		free(out->owned);
	return r;
}

static int check_range(const struct layer *l, uint64_t offset, size_t len, struct err *err)
{
	uint64_t size = layer_index_archive_size(l->index);

	if (offset > size || len > size - offset)
		return err_set(err, EBADMSG, "the archive ends before offset %llu",
			       (unsigned long long)offset + len);
	return 0;
}

bool layer_missing(const struct layer *l, uint64_t offset, size_t len, struct layer_gap *out)
{
	uint64_t end = offset + len;

	*out = (struct layer_gap){{offset, end}, offset, layer_index_check(l->index)};
	if (layer_index_is_plain(l->index)) {
		bool missing = blob_source_missing(l->source, &out->in);

		out->archive = out->in.first;
		return missing;
	}
	while (offset < end) {
		struct layer_part part;

		if (layer_index_find(l->index, offset, &part) < 0)
			return false;
		out->in = (struct byte_range){part.span.from.in, part.span.in_end};
		out->archive = offset;
		if (!part.in_frames && blob_source_missing(l->source, &out->in))
			return true;
		offset = part.span.from.out + part.span.len;
	}
	return false;
}

int layer_get(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
	      struct err *err)
{
	int r = check_range(l, offset, len, err);

	*out = (struct layer_bytes){0};
	if (r)
		return r;
	return layer_index_is_plain(l->index) ? get_plain(l, offset, len, out, err)
					      : layer_get_span(l, offset, len, out, err);
}

void layer_put(struct layer *l, struct layer_bytes *b)
{
	if (b->span)
		span_cache_put(l->cache, b->span, b->last);
	free(b->owned);
}

/* A span is there when its last byte is. */
void layer_prepare(struct layer *l, uint64_t offset)
{
	struct layer_bytes b;
	struct layer_part part;

	if (layer_index_is_plain(l->index) || layer_index_find(l->index, offset, &part) < 0 ||
	    layer_get(l, part.span.from.out + part.span.len - 1, 1, &b, NULL) < 0)
		return;
	b.last = false;
	layer_put(l, &b);
}

int layer_read(struct layer *l, uint64_t offset, void *data, size_t len, struct err *err)
{
	int r = check_range(l, offset, len, err);

	if (r || layer_index_is_plain(l->index))
		return r ? r : blob_source_read(l->source, data, len, offset, err);
	while (len > 0) {
		struct layer_bytes b = {0};

		r = layer_get_span(l, offset, len, &b, err);
		if (r)
			return r;
		memcpy(data, b.data, b.len);
		layer_put(l, &b);
		data = (uint8_t *)data + b.len;
		offset += b.len;
		len -= b.len;
	}
	return 0;
}

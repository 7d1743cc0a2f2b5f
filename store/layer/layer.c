/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_private.h"

#include "store/base/io.h"
#include "store/layer/layer_format.h"
#include "store/layer/pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	AUTO(layer_close) struct layer *l = NULL;
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
	if (!r)
		r = layer_open_source(s, cache, &name->blob, name->check, source, &l, err);
	if (!r && memcmp(layer_index_vouched(l->index), layer_name_voucher(name), LAYER_VOUCHER))
		r = err_set(err, ENOENT, "the table of the layer is of another image now");
	if (!r)
		*out = steal(&l);
	return r;
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

/* As much as the span has of the range. */
static int layer_get_span(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
			  struct err *err)
{
	struct layer_part part;
	struct layer_fill fill = {l, &part};
	struct span_key key = {0};
	size_t at, wanted;
	bool begun;
	int r;

	if (layer_index_find(l->index, offset, &part) < 0) {
		layer_drop_derived(l);
		return err_set(err, EBADMSG, "the index of the layer has no offset %llu any more",
			       (unsigned long long)offset);
	}
	memcpy(key.layer, l->blob.bytes, sizeof(key.layer));
	key.index = layer_index_checksum(l->index);
	key.number = part.number;
	key.len = part.span.len; /* the index may be damaged since */
	at = offset - part.span.from.out;
	if (!part.in_frames)
		blob_source_used(l->source,
				 (struct byte_range){part.span.from.in, part.span.in_end});
	out->last = len >= part.span.len - at;
	out->len = out->last ? part.span.len - at : len;
	wanted = compression_is_small(part.span.compression) ? at + out->len : part.span.len;
	r = span_cache_get(l->cache, &key, wanted, &layer_span_ops, &fill, &out->span, &begun, err);
	if (r)
		return r;
	out->data = cached_span_data(out->span) + at;
	if (begun) {
		out->before = at;
		out->after = part.span.len - at - out->len;
	}
	return 0;
}

/* A piece did not fit, or could not be read: by whose fault? */
static int blame_plain(struct layer *l, uint64_t offset, int r, struct err *err)
{
	if (r != -EBADMSG && r != -EIO)
		return r;
	if (layer_index_intact(l->index))
		layer_mark_blob(l);
	else
		layer_drop_derived(l);
	return err_context(err, "the blob of the layer, damaged at %llu",
			   (unsigned long long)offset);
}

static int get_plain(struct layer *l, uint64_t offset, size_t len, struct layer_bytes *out,
		     struct err *err)
{
	int r;

	blob_source_used(l->source, (struct byte_range){offset, offset + len});
	out->len = len;
	r = pieces_get(l->index, l->source, offset, len, &out->owned, &out->data, err);
	return r ? blame_plain(l, offset, r, err) : 0;
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
		out->in = pieces_around(offset, len, blob_source_size(l->source));
		return blob_source_missing(l->source, &out->in);
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

uint64_t layer_here(const struct layer *l, uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len, here = 0;
	struct layer_part part;

	if (layer_index_compression(l->index) == COMPRESSION_NONE)
		return blob_source_seen(l->source, (struct byte_range){offset, end}) ? len : 0;
	while (offset < end && layer_index_find(l->index, offset, &part) == 0) {
		uint64_t next = part.span.from.out + part.span.len;

		next = next < end ? next : end;
		if (part.in_frames ||
		    blob_source_seen(l->source,
				     (struct byte_range){part.span.from.in, part.span.in_end}))
			here += next - offset;
		offset = next;
	}
	return here;
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

	if (r)
		return r;
	while (len > 0) {
		struct layer_bytes b;

		r = layer_get(l, offset, len, &b, err);
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

/* The span that begins there, where it is verified by the digest of its plain bytes. */
static bool find_span_digest(const struct layer *l, uint64_t offset, struct layer_part *out)
{
	return layer_index_check(l->index) == LAYER_CHECK_DIGESTS &&
	       layer_index_find(l->index, offset, out) == 0 && out->span.from.out == offset;
}

enum layer_sameness layer_compare(const struct layer *a, uint64_t a_offset, const struct layer *b,
				  uint64_t b_offset, uint64_t len)
{
	struct layer_part pa, pb;
	size_t n;

	for (uint64_t at = 0; at < len; at += n) {
		if (!find_span_digest(a, a_offset + at, &pa) ||
		    !find_span_digest(b, b_offset + at, &pb))
			return LAYER_MAYBE_SAME;
		n = pa.span.len;
		if (!n || n != pb.span.len || n > len - at)
			return LAYER_MAYBE_SAME;
		if (memcmp(pa.checks, pb.checks, LAYER_DIGEST_WORDS * sizeof(*pa.checks)) != 0)
			return LAYER_OTHER;
	}
	return LAYER_SAME;
}

bool layer_check_digests(struct layer *l)
{
	if (layer_index_check(l->index) != LAYER_CHECK_DIGESTS || layer_index_intact(l->index))
		return true;
	layer_drop_derived(l);
	return false;
}

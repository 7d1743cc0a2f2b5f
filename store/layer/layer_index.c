/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_index.h"

#include "store/base/io.h"
#include "store/layer/layer_format.h"
#include "store/base/mapped.h"
#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct layer_index {
	struct mapped *map;	    /* owned; NULL: the caller's memory */
	size_t size;		    /* of the file */
	struct layer_header header; /* a copy, checked; what follows points into the file */
	const uint8_t *windows;
	const struct layer_span *spans;
	const uint64_t *checks;
	const uint64_t *pieces;
	const uint8_t *toc;
	struct digest diff_id;
};

static int unusable(struct err *err, const char *why)
{
	return err_set(err, ENOENT, "layer index: %s", why);
}

static uint64_t checksum(const uint8_t *data, size_t len)
{
	const size_t size = sizeof(struct layer_header);

	return layer_checksum(data, XXH3_64bits(data + size, len - size));
}

/* Sizes of the sections; together they are the file. */
static int check_sections(struct layer_index *x, const uint8_t *data, size_t len, struct err *err)
{
	const struct layer_header *h = &x->header;
	size_t left = len - sizeof(*h);

	if (h->landmark > h->blob_size)
		return unusable(err, "the landmark lies behind the blob");
	if (h->windows_size > left || h->windows_size % 8 != 0)
		return unusable(err, "the windows do not fit");
	left -= h->windows_size;
	if (h->span_count > left / sizeof(struct layer_span))
		return unusable(err, "the spans do not fit");
	left -= h->span_count * sizeof(struct layer_span);
	if (h->check_count > left / sizeof(uint64_t))
		return unusable(err, "the checks do not fit");
	left -= h->check_count * sizeof(uint64_t);
	if (h->piece_count > left / sizeof(uint64_t))
		return unusable(err, "the pieces do not fit");
	left -= h->piece_count * sizeof(uint64_t);
	if (h->toc_size != left)
		return unusable(err, "the table of contents does not fit");

	x->windows = data + sizeof(*h);
	x->spans = (const struct layer_span *)(x->windows + h->windows_size);
	x->checks = (const uint64_t *)(x->spans + h->span_count);
	x->pieces = x->checks + h->check_count;
	x->toc = (const uint8_t *)(x->pieces + h->piece_count);
	return 0;
}

static uint64_t source_size(const struct layer_index *x, const struct layer_span *s)
{
	return s->source == LAYER_FRAMES ? x->header.frames_size : x->header.blob_size;
}

/* A span, and where it ends. */
struct index_found {
	struct layer_span span;
	uint64_t end;
};

/* False where it is no good: the file was whole when it was opened, but may be changed since. */
static bool layer_index_get_span(const struct layer_index *x, uint64_t i, struct index_found *out)
{
	const struct layer_span *s = &out->span;

	*out = (struct index_found){x->spans[i], x->header.archive_size};
	if (i + 1 < x->header.span_count)
		out->end = x->spans[i + 1].out;
	return s->out < out->end && out->end - s->out <= layer_span_max(x->header.check) &&
	       s->source <= LAYER_FRAMES && s->in < source_size(x, s) && s->bit <= 7 &&
	       s->window_len <= CODEC_WINDOW && s->skip <= LAYER_SPAN_MAX &&
	       (s->skip == 0 || x->header.check == LAYER_CHECK_DIGESTS) &&
	       (s->window_len > 0 || (s->window_size == 0 && s->bit == 0)) &&
	       s->window <= x->header.windows_size &&
	       s->window_size <= x->header.windows_size - s->window &&
	       s->check <= x->header.check_count && s->in_len <= source_size(x, s) - s->in &&
	       layer_check_count(x->header.check, out->end - s->out) <=
		   x->header.check_count - s->check;
}

bool layer_index_is_plain(const struct layer_index *x)
{
	return x->header.compression == COMPRESSION_NONE && !layer_check_is_packed(x->header.check);
}

static int check_spans(const struct layer_index *x, struct err *err)
{
	const struct layer_header *h = &x->header;
	uint64_t checks = 0;
	struct index_found f;

	if (h->compression > COMPRESSION_LAST)
		return unusable(err, "an unknown compression");
	if (h->check > LAYER_CHECK_RAW)
		return unusable(err, "an unknown kind of checks");
	if (h->piece_count != layer_piece_count(h->check, h->blob_size))
		return unusable(err, "pieces of the blob are missing");
	if (layer_check_is_table(h->check) && h->frames_size > 0)
		return unusable(err, "frames that are of another index");
	if (layer_index_is_plain(x) && layer_check_is_table(h->check))
		return unusable(err, "a plain archive that nothing verifies");
	if (layer_index_is_plain(x))
		return h->span_count == 0 && h->check_count == 0 && h->archive_size == h->blob_size
			   ? 0
			   : unusable(err, "seek points in a plain archive");
	if ((h->span_count == 0) != (h->archive_size == 0) ||
	    (h->span_count > 0 && x->spans[0].out != 0))
		return unusable(err, "the seek points do not cover the archive");
	for (uint64_t i = 0; i < h->span_count; i++) {
		if (!layer_index_get_span(x, i, &f) || f.span.check != checks)
			return unusable(err, "a wrong seek point");
		checks += layer_check_count(h->check, f.end - f.span.out);
	}
	return checks == h->check_count ? 0 : unusable(err, "checks are missing");
}

static int check_format(const struct layer_header *h, struct err *err)
{
	if (memcmp(h->magic, LAYER_MAGIC, sizeof(h->magic)) != 0)
		return unusable(err, "not one");
	if (h->version != LAYER_VERSION || h->header_size != sizeof(*h))
		return unusable(err, "of another version");
	return 0;
}

static int check_blob(const struct layer_header *h, const struct digest *blob, struct err *err)
{
	if (h->blob_algorithm != (uint32_t)blob->algorithm ||
	    memcmp(h->blob, blob->bytes, sizeof(h->blob)) != 0)
		return unusable(err, "of another blob");
	return 0;
}

static int layer_index_check_diff_id(struct layer_index *x, struct err *err)
{
	const struct layer_header *h = &x->header;

	if (h->diff_algorithm > DIGEST_SHA512)
		return unusable(err, "an unknown digest algorithm");
	x->diff_id.algorithm = h->diff_algorithm;
	memcpy(x->diff_id.bytes, h->diff_id, sizeof(x->diff_id.bytes));
	return 0;
}

int layer_index_parse(const void *data, size_t len, const struct digest *blob,
		      struct layer_index **out, struct err *err)
{
	const struct layer_header *h = data;
	AUTO(layer_index_close) struct layer_index *x = NULL;
	int r = len < sizeof(*h) ? unusable(err, "too short") : check_format(h, err);

	if (r)
		return r;
	if (h->checksum != checksum(data, len) || h->own != layer_checksum(h, 0))
		return unusable(err, "damaged");

	x = calloc(1, sizeof(*x));
	if (!x)
		return err_nomem(err);
	x->header = *h;
	x->size = len;
	r = check_blob(h, blob, err);
	if (!r)
		r = layer_index_check_diff_id(x, err);
	if (!r)
		r = check_sections(x, data, len, err);
	if (!r)
		r = check_spans(x, err);
	if (!r)
		*out = steal(&x);
	return r;
}

static int check_frames(struct store *s, const struct digest *blob, const struct layer_index *x,
			struct err *err)
{
	char path[LAYER_PATH_MAX];
	struct stat st;

	if (x->header.frames_size == 0 ||
	    (fstatat(store_cachefd(s), layer_path(blob, ".frames", path), &st,
		     AT_SYMLINK_NOFOLLOW) == 0 &&
	     (uint64_t)st.st_size == x->header.frames_size))
		return 0;
	return unusable(err, "its frames are missing, or cut");
}

int layer_index_open(struct store *s, const struct digest *blob, enum layer_check kind,
		     struct layer_index **out, struct err *err)
{
	char path[LAYER_PATH_MAX];
	autoclose int fd =
	    io_open(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), O_RDONLY, 0, err);
	AUTO(layer_index_close) struct layer_index *x = NULL;
	AUTO(mapped_close) struct mapped *map = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat %s", path);
	if (st.st_size == 0)
		return unusable(err, "empty");
	r = mapped_open(fd, (size_t)st.st_size, &map, err);
	if (r)
		return err_context(err, "%s", path);
	r = layer_index_parse(mapped_data(map), (size_t)st.st_size, blob, &x, err);
	if (r)
		return r;
	x->map = steal(&map);
	if (x->header.check != (uint32_t)kind)
		return unusable(err, "of another kind than its name says");
	r = check_frames(s, blob, x, err);
	if (!r)
		*out = steal(&x);
	return r;
}

/* No more than the header, by its own check. */
static int layer_index_header(struct store *s, const struct digest *blob, enum layer_check kind,
			      struct layer_header *h, struct err *err)
{
	char path[LAYER_PATH_MAX];
	autoclose int fd =
	    io_open(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), O_RDONLY, 0, err);
	int r = fd < 0 ? fd : io_pread_all(fd, h, sizeof(*h), 0, err);

	if (!r)
		r = check_format(h, err);
	if (!r && layer_checksum(h, 0) != h->own)
		r = unusable(err, "its header is damaged");
	return r ? r : check_blob(h, blob, err);
}

int layer_index_peek(struct store *s, const struct digest *blob, uint64_t *archive_size,
		     struct err *err)
{
	struct layer_header h;
	int r = layer_index_header(s, blob, LAYER_CHECK_BLOCKS, &h, err);

	if (!r)
		*archive_size = h.archive_size;
	return r;
}

bool layer_index_voucher(struct store *s, const struct digest *blob, enum layer_check kind,
			 uint8_t out[static LAYER_VOUCHER])
{
	struct layer_header h;

	if (layer_index_header(s, blob, kind, &h, NULL) < 0)
		return false;
	memcpy(out, h.voucher, LAYER_VOUCHER);
	return true;
}

const uint8_t *layer_index_vouched(const struct layer_index *x)
{
	return x->header.voucher;
}

void layer_index_close(struct layer_index *x)
{
	if (!x)
		return;
	mapped_close(x->map);
	free(x);
}

bool layer_index_intact(const struct layer_index *x)
{
	const struct layer_header *h = x->map ? mapped_data(x->map) : NULL;

	return !h || (memcmp(h, &x->header, sizeof(*h)) == 0 &&
		      checksum((const uint8_t *)h, x->size) == x->header.checksum);
}

uint64_t layer_index_checksum(const struct layer_index *x)
{
	return x->header.checksum;
}

const struct digest *layer_index_diff_id(const struct layer_index *x)
{
	return &x->diff_id;
}

enum compression layer_index_compression(const struct layer_index *x)
{
	return x->header.compression;
}

enum layer_check layer_index_check(const struct layer_index *x)
{
	return x->header.check;
}

uint64_t layer_index_blob_size(const struct layer_index *x)
{
	return x->header.blob_size;
}

uint64_t layer_index_archive_size(const struct layer_index *x)
{
	return x->header.archive_size;
}

uint64_t layer_index_landmark(const struct layer_index *x)
{
	return x->header.landmark;
}

uint64_t layer_index_frames_size(const struct layer_index *x)
{
	return x->header.frames_size;
}

uint64_t layer_index_frames_check(const struct layer_index *x)
{
	return x->header.frames_check;
}

bool layer_index_fits(const struct layer_index *x, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *p = data;

	assert(offset % LAYER_PIECE == 0);
	for (uint64_t i = offset / LAYER_PIECE; len > 0; i++) {
		size_t n = len < LAYER_PIECE ? len : LAYER_PIECE;

		if (i >= x->header.piece_count || XXH3_64bits(p, n) != x->pieces[i])
			return false;
		p += n;
		len -= n;
	}
	return true;
}

uint64_t layer_index_entries(const struct layer_index *x)
{
	return x->header.entries;
}

int layer_index_toc(const struct layer_index *x, struct toc_reader **out, struct err *err)
{
	return toc_reader_open(x->toc, x->header.toc_size, out, err);
}

int layer_index_copy_toc(const struct layer_index *x, struct buf *out, struct err *err)
{
	buf_append(out, x->toc, x->header.toc_size);
	if (buf_failed(out))
		return err_nomem(err);
	return layer_index_intact(x) ? 0 : unusable(err, "damaged while it was read");
}

/* Where the compressed bytes of a span end. Between spans of two sources that is not known;
 * decoding stops when it has enough. */
static uint64_t find_in_end(const struct layer_index *x, uint64_t i, const struct layer_span *s)
{
	struct layer_span next = {0};
	uint64_t end = source_size(x, s);

	if (s->in_len > 0)
		return s->in + s->in_len;
	if (i + 1 < x->header.span_count)
		next = x->spans[i + 1];
	if (next.out && next.source == s->source && next.in >= s->in && next.in < end)
		end = next.in + (next.bit > 0);
	return end;
}

/* The last span that begins at or before the offset. */
static uint64_t find_number(const struct layer_index *x, uint64_t offset)
{
	uint64_t low = 0, high = x->header.span_count;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (x->spans[middle].out <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int layer_index_find(const struct layer_index *x, uint64_t offset, struct layer_part *out)
{
	const struct layer_span *s;
	struct index_found f;
	uint64_t i;

	if (x->header.span_count == 0 || offset >= x->header.archive_size)
		return -ENOENT;
	i = find_number(x, offset);
	s = &f.span;
	if (!layer_index_get_span(x, i, &f) || offset < s->out || offset >= f.end)
		return -EBADMSG;
	*out = (struct layer_part){
	    .number = i,
	    .span.compression =
		s->source == LAYER_FRAMES ? COMPRESSION_ZSTD : x->header.compression,
	    .span.from = {.out = s->out, .in = s->in, .window = s->window_len, .bit = s->bit},
	    .span.in_end = find_in_end(x, i, s),
	    .span.len = f.end - s->out,
	    .skip = s->skip,
	    .in_frames = s->source == LAYER_FRAMES,
	    .checks = x->checks + s->check,
	    .window = x->windows + s->window,
	    .window_size = s->window_size,
	};
	return 0;
}

void layer_index_remove(struct store *s, const struct digest *blob)
{
	char path[LAYER_PATH_MAX];

	for (enum layer_check kind = 0; kind <= LAYER_CHECK_RAW; kind++)
		unlinkat(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), 0);
	unlinkat(store_cachefd(s), layer_path(blob, ".frames", path), 0);
}

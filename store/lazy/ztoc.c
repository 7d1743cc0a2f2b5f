/* SPDX-License-Identifier: MIT */
#include "store/lazy/ztoc.h"

#include "store/layer/layer_format.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

static bool text_is(struct flat_text t, const char *s)
{
	return t.len == strlen(s) && memcmp(t.data ? t.data : "", s, t.len) == 0;
}

static uint64_t ztoc_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t ztoc_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* ---- what the checkpoints are ---- */

/*
 * The count of checkpoints, the span size, then the checkpoints. An older form left out the first
 * one, which it took to stand behind a header of 10 bytes.
 */
static int open_gzip(struct ztoc *z, const struct flat_vector *bytes, struct err *err)
{
	const uint8_t *at = bytes->in.data + bytes->at;
	uint64_t size = bytes->count;
	uint64_t count;

	if (size < ZTOC_ZINFO_HEAD)
		return err_set(err, EBADMSG, "checkpoints of %llu bytes", (unsigned long long)size);
	count = ztoc_le32(at);
	size -= ZTOC_ZINFO_HEAD;
	if (count != z->spans)
		return err_set(err, EBADMSG, "%llu checkpoints for %u spans",
			       (unsigned long long)count, z->spans);
	z->implied = size == (count - 1) * ZTOC_CHECKPOINT;
	if (!z->implied && size != count * ZTOC_CHECKPOINT)
		return err_set(err, EBADMSG, "%llu checkpoints take %llu bytes",
			       (unsigned long long)count, (unsigned long long)size);
	z->checkpoints = at + ZTOC_ZINFO_HEAD;
	return 0;
}

/* A flatbuffer of its own. */
static int open_plain(struct ztoc *z, const struct flat_vector *bytes, struct err *err)
{
	struct flat_table t = {0};
	int64_t span_size = 0, size = 0;
	int r = flat_root((struct flat){bytes->in.data + bytes->at, bytes->count}, &t, err);

	if (!r)
		r = flat_i64(&t, ZTOC_F_TAR_SPAN_SIZE, 0, &span_size, err);
	if (!r)
		r = flat_i64(&t, ZTOC_F_TAR_SIZE, 0, &size, err);
	if (r)
		return r;
	if (span_size <= 0 || (uint64_t)size != z->packed)
		return err_set(err, EBADMSG, "spans of %lld bytes in %lld", (long long)span_size,
			       (long long)size);
	if (span_size > LAYER_PACKED_SPAN_MAX)
		return err_set(err, EOPNOTSUPP, "spans of %lld bytes", (long long)span_size);
	z->span_size = (uint64_t)span_size;
	if (z->spans != (z->packed + z->span_size - 1) / z->span_size)
		return err_set(err, EBADMSG, "%u spans of %lld bytes", z->spans,
			       (long long)span_size);
	return 0;
}

static int open_spans(struct ztoc *z, const struct flat_table *info, struct err *err)
{
	struct flat_vector bytes;
	int32_t last;
	int r = flat_i32(info, ZTOC_F_MAX_SPAN, 0, &last, err);

	if (!r)
		r = flat_vector(info, ZTOC_F_DIGESTS, FLAT_OFFSET, &z->digests, err);
	if (!r)
		r = flat_vector(info, ZTOC_F_CHECKPOINTS, 1, &bytes, err);
	if (r)
		return r;
	if (last < 0 || z->digests.count != (uint32_t)last + 1)
		return err_set(err, EBADMSG, "%u digests, but the last span is %d",
			       z->digests.count, last);
	z->spans = z->digests.count;
	return z->compression == COMPRESSION_GZIP ? open_gzip(z, &bytes, err)
						  : open_plain(z, &bytes, err);
}

/* ---- all of it ---- */

static int take_algorithm(struct ztoc *z, const struct flat_table *info, struct err *err)
{
	int8_t algorithm;
	int r = flat_i8(info, ZTOC_F_ALGORITHM, ZTOC_GZIP, &algorithm, err);

	if (r)
		return r;
	if (algorithm != ZTOC_GZIP && algorithm != ZTOC_PLAIN)
		return err_set(err, EOPNOTSUPP, "compression %d", algorithm);
	if ((algorithm == ZTOC_GZIP ? COMPRESSION_GZIP : COMPRESSION_NONE) != z->compression)
		return err_set(err, EBADMSG, "it is of a layer of another compression");
	return 0;
}

static int take_sizes(struct ztoc *z, const struct flat_table *root, uint64_t blob_size,
		      struct err *err)
{
	int64_t packed, plain = 0;
	int r = flat_i64(root, ZTOC_F_PACKED, 0, &packed, err);

	if (!r)
		r = flat_i64(root, ZTOC_F_PLAIN, 0, &plain, err);
	if (r)
		return r;
	z->packed = (uint64_t)packed;
	z->plain = (uint64_t)plain;
	if (packed <= 0 || z->packed != blob_size)
		return err_set(err, EBADMSG, "it is of a layer of %lld bytes, not %llu",
			       (long long)packed, (unsigned long long)blob_size);
	if (plain < 0 || (z->compression == COMPRESSION_NONE && z->plain > z->packed))
		return err_set(err, EBADMSG, "an archive of %lld bytes", (long long)plain);
	return 0;
}

static int check_version(const struct flat_table *root, struct err *err)
{
	struct flat_text version;
	int r = flat_string(root, ZTOC_F_VERSION, &version, err);

	if (r || text_is(version, ZTOC_VERSION))
		return r;
	return err_set(err, EOPNOTSUPP, "version \"%.*s\"",
		       version.len < 32 ? (int)version.len : 32, version.data ? version.data : "");
}

int ztoc_open(const void *data, size_t len, enum compression compression, uint64_t blob_size,
	      struct ztoc *out, struct err *err)
{
	struct flat_table root, toc, info;
	struct ztoc z = {.in = {data, len}, .compression = compression};
	int r = len > ZTOC_MAX ? err_set(err, EOPNOTSUPP, "it has %zu bytes", len)
			       : flat_root(z.in, &root, err);

	if (!r)
		r = check_version(&root, err);
	if (!r)
		r = take_sizes(&z, &root, blob_size, err);
	if (!r)
		r = flat_child(&root, ZTOC_F_TOC, &toc, err);
	if (!r)
		r = flat_child(&root, ZTOC_F_INFO, &info, err);
	if (!r)
		r = take_algorithm(&z, &info, err);
	if (!r)
		r = flat_vector(&toc, ZTOC_F_ENTRIES, FLAT_OFFSET, &z.entries, err);
	if (!r && z.entries.count > ZTOC_ENTRIES_MAX)
		r = err_set(err, EOPNOTSUPP, "it has %u entries", z.entries.count);
	if (!r)
		r = open_spans(&z, &info, err);
	if (!r)
		*out = z;
	return r;
}

/* ---- spans ---- */

struct checkpoint {
	uint64_t in, out; /* in: the first whole byte */
	uint8_t bits;	  /* of the byte before it */
	const uint8_t *window;
};

static const uint8_t no_window[ZTOC_WINDOW];

/* i == spans: the end. */
static struct checkpoint checkpoint_of(const struct ztoc *z, uint32_t i)
{
	const uint8_t *at;

	if (i == z->spans)
		return (struct checkpoint){.in = z->packed, .out = z->plain};
	if (i < z->implied)
		return (struct checkpoint){.in = 10, .window = no_window};
	if (z->compression == COMPRESSION_NONE)
		return (struct checkpoint){.in = i * z->span_size, .out = i * z->span_size};
	at = z->checkpoints + (size_t)(i - z->implied) * ZTOC_CHECKPOINT;
	return (struct checkpoint){ztoc_le64(at), ztoc_le64(at + 8), at[16], at + 17};
}

/* Writers give the archive's end where its two blocks of zeros end: what the blob has behind them,
 * checkpoints too, is of no use. */
static int check_span(const struct ztoc *z, uint32_t i, const struct checkpoint *from,
		      const struct checkpoint *to, struct err *err)
{
	uint64_t start = from->in - (from->bits > 0);

	if (from->bits > 7 || (i == 0 && (from->out != 0 || from->bits != 0)))
		return err_set(err, EBADMSG, "span %u begins with bit %u, at %llu", i, from->bits,
			       (unsigned long long)from->out);
	if ((from->in == 0 && from->bits) || from->in >= to->in || to->in > z->packed)
		return err_set(err, EBADMSG, "span %u at %llu ends at %llu of %llu", i,
			       (unsigned long long)from->in, (unsigned long long)to->in,
			       (unsigned long long)z->packed);
	if (i + 1 < z->spans && from->out > to->out)
		return err_set(err, EBADMSG, "span %u at %llu of the archive ends at %llu", i,
			       (unsigned long long)from->out, (unsigned long long)to->out);
	if (to->in - start > LAYER_PACKED_MAX)
		return err_set(err, EOPNOTSUPP, "span %u has %llu compressed bytes", i,
			       (unsigned long long)(to->in - start));
	return 0;
}

static int ztoc_take_digest(const struct ztoc *z, uint32_t i, struct digest *out, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	struct flat_text t;
	int r = flat_vector_string(&z->digests, i, &t, err);

	if (r)
		return r;
	if (t.len < sizeof(text)) {
		memcpy(text, t.data, t.len);
		text[t.len] = '\0';
		if (strlen(text) == t.len && digest_parse(text, out, NULL) == 0)
			return out->algorithm == DIGEST_SHA256
				   ? 0
				   : err_set(err, EOPNOTSUPP, "the digest of span %u is no sha256",
					     i);
	}
	return err_set(err, EBADMSG, "span %u has no digest", i);
}

int ztoc_span(const struct ztoc *z, uint32_t i, struct ztoc_span *out, struct err *err)
{
	struct checkpoint from, to;
	int r;

	assert(i < z->spans);
	from = checkpoint_of(z, i);
	to = checkpoint_of(z, i + 1);
	r = check_span(z, i, &from, &to, err);
	if (!r)
		r = ztoc_take_digest(z, i, &out->digest, err);
	if (r)
		return r;
	if (from.out > z->plain)
		from.out = z->plain;
	if (to.out > z->plain)
		to.out = z->plain;
	if (to.out - from.out > LAYER_PACKED_SPAN_MAX)
		return err_set(err, EOPNOTSUPP, "span %u has %llu bytes", i,
			       (unsigned long long)(to.out - from.out));
	out->from = (struct seek_point){.out = from.out,
					.in = from.in - (from.bits > 0),
					.window = from.window ? ZTOC_WINDOW : 0,
					.bit = from.bits ? (uint8_t)(8 - from.bits) : 0};
	out->window = from.window;
	out->in_end = to.in;
	out->out_end = to.out;
	return 0;
}

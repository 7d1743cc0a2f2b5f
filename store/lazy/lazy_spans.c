/* SPDX-License-Identifier: MIT */
#include "store/lazy/lazy_spans.h"

#include "store/layer/layer_format.h"

#include <errno.h>
#include <string.h>

/* Both are at most LAYER_SPAN_MAX. */
struct waiting {
	uint32_t skip, len;
	uint8_t sha256[32];
};

/*
 * The compressed bytes that so many plain ones take at most: what cannot be compressed is stored,
 * for some bytes a block and a header. Between a chunk and the next member lie the headers of
 * entries without content, at times thousands: whoever reads the chunk does not want these.
 */
static uint64_t compressed_max(uint64_t plain)
{
	return plain + plain / 4 + 4096;
}

static int write_spans(struct lazy_spans *s, uint64_t end, struct err *err)
{
	const struct waiting *w = (const struct waiting *)(const void *)s->waiting.data;
	size_t count = s->waiting.len / sizeof(*w);
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		uint64_t max = compressed_max((uint64_t)w[i].skip + w[i].len + s->block);
		struct byte_range in = {s->member, end};
		struct digest sha256 = {.algorithm = DIGEST_SHA256};

		if (in.end - in.first > max)
			in.end = in.first + max;
		memcpy(sha256.bytes, w[i].sha256, sizeof(w[i].sha256));
		r = layer_table_span(s->table, in, w[i].skip, w[i].len, &sha256, err);
	}
	buf_reset(&s->waiting);
	return r;
}

static int begin_member(struct lazy_spans *s, uint64_t offset, struct err *err)
{
	int r = 0;

	if (offset >= s->limit)
		return err_set(err, EBADMSG, "a chunk at %llu, but the content ends at %llu",
			       (unsigned long long)offset, (unsigned long long)s->limit);
	if (s->has_member && offset < s->member)
		return err_set(err, EOPNOTSUPP, "a chunk at %llu behind one at %llu",
			       (unsigned long long)offset, (unsigned long long)s->member);
	if (s->has_member && s->end > offset)
		return err_set(err, EBADMSG, "a chunk at %llu within one that ends at %llu",
			       (unsigned long long)offset, (unsigned long long)s->end);
	if (s->has_member)
		r = write_spans(s, s->end ? s->end : offset, err);
	s->has_member = true;
	s->member = offset;
	s->end = 0;
	s->taken = 0;
	return r;
}

static int add_waiting(struct lazy_spans *s, uint64_t inner, uint64_t size,
		       const struct digest *sha256, struct err *err)
{
	struct waiting w = {.skip = (uint32_t)inner, .len = (uint32_t)size};

	if (inner > LAYER_SPAN_MAX || size > LAYER_SPAN_MAX)
		return err_set(err, EOPNOTSUPP, "a chunk of %llu bytes behind %llu: more than %u",
			       (unsigned long long)size, (unsigned long long)inner, LAYER_SPAN_MAX);
	memcpy(w.sha256, sha256->bytes, sizeof(w.sha256));
	buf_append(&s->waiting, &w, sizeof(w));
	s->archive += size;
	return buf_failed(&s->waiting) ? err_nomem(err) : 0;
}

int lazy_spans_add(struct lazy_spans *s, uint64_t offset, uint64_t inner, uint64_t size,
		   const struct digest *sha256, struct err *err)
{
	int r = 0;

	if (offset == 0 && inner == 0) /* a header comes before any content */
		return err_set(err, EBADMSG, "a chunk without an offset");
	if (!s->has_member || offset != s->member)
		r = begin_member(s, offset, err);
	else if (s->end)
		r = err_set(err, EBADMSG, "a chunk at %llu, where another ends the frame",
			    (unsigned long long)offset);
	if (!r && inner < s->taken)
		r = err_set(err, EBADMSG, "a chunk at %llu within another",
			    (unsigned long long)offset);
	if (!r && __builtin_add_overflow(inner, size, &s->taken))
		r = err_set(err, EBADMSG, "a chunk of %llu bytes", (unsigned long long)size);
	return r || !sha256 ? r : add_waiting(s, inner, size, sha256, err);
}

int lazy_spans_end(struct lazy_spans *s, uint64_t end, struct err *err)
{
	if (end <= s->member || end > s->limit)
		return err_set(err, EBADMSG, "a chunk at %llu cannot end at %llu",
			       (unsigned long long)s->member, (unsigned long long)end);
	s->end = end;
	return 0;
}

int lazy_spans_finish(struct lazy_spans *s, struct err *err)
{
	return s->has_member ? write_spans(s, s->end ? s->end : s->limit, err) : 0;
}

uint64_t lazy_spans_memory(const struct lazy_spans *s)
{
	return s->waiting.len;
}

void lazy_spans_free(struct lazy_spans *s)
{
	buf_free(&s->waiting);
}

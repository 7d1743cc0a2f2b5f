/* SPDX-License-Identifier: MIT */
#include "store/layer/toc_format.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

#define LEVEL                                                                                      \
	1 /* a higher one saves a hundredth of derived/, and takes a tenth of the time of a table */

#define STREAM_MAX (256u << 20) /* eight million entries take less; attributes may be anything */

struct toc_writer {
	ZSTD_CCtx *zstd;
	struct buf pending; /* records, not compressed yet */
	struct buf out;
	struct buf record;
	struct toc_context before;
	uint64_t count;
};

static void toc_writer_put_number(struct buf *b, uint64_t value)
{
	while (value >= 0x80) {
		buf_putc(b, (char)(value | 0x80));
		value >>= 7;
	}
	buf_putc(b, (char)value);
}

static void put_signed(struct buf *b, uint64_t difference)
{
	toc_writer_put_number(b, difference << 1 ^ (uint64_t)((int64_t)difference >> 63));
}

static void put_bytes(struct buf *b, const void *data, size_t len)
{
	toc_writer_put_number(b, len);
	buf_append(b, data, len);
}

static void toc_writer_put_path(struct buf *b, struct toc_context *c, const struct entry *e)
{
	size_t shared = 0, max = e->path_len < c->path.len ? e->path_len : c->path.len;

	while (shared < max && e->path[shared] == c->path.data[shared])
		shared++;
	toc_writer_put_number(b, shared);
	put_bytes(b, e->path + shared, e->path_len - shared);
	c->path.len = shared;
	buf_append(&c->path, e->path + shared, e->path_len - shared);
}

static void put_map(struct buf *b, const struct entry *e)
{
	uint64_t end = 0;

	toc_writer_put_number(b, e->stored);
	toc_writer_put_number(b, e->extent_count);
	for (uint32_t i = 0; i < e->extent_count; i++) {
		toc_writer_put_number(b, e->extents[i].offset - end);
		toc_writer_put_number(b, e->extents[i].length);
		end = e->extents[i].offset + e->extents[i].length;
	}
}

static void toc_writer_put_xattrs(struct buf *b, const struct entry *e)
{
	toc_writer_put_number(b, e->xattr_count);
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		put_bytes(b, e->xattrs[i].name, strlen(e->xattrs[i].name));
		buf_putc(b, '\0');
		put_bytes(b, e->xattrs[i].value, e->xattrs[i].size);
	}
}

static uint8_t flags_of(const struct toc_context *c, const struct entry *e)
{
	int flags = 0;

	if (e->mode == c->mode)
		flags |= SAME_MODE;
	if (e->uid == c->uid && e->gid == c->gid)
		flags |= SAME_OWNER;
	if (e->mtime_ns)
		flags |= HAS_NS;
	if (e->data == c->expected)
		flags |= PLAIN_DATA;
	if (e->link_len)
		flags |= HAS_LINK;
	if (e->dev_major || e->dev_minor)
		flags |= HAS_DEVICE;
	if (e->extent_count || e->stored != toc_stored_by_type(e->mode, e->size))
		flags |= HAS_MAP;
	if (e->xattr_count)
		flags |= HAS_XATTRS;
	return (uint8_t)flags;
}

static void toc_writer_put_record(struct buf *b, struct toc_context *c, const struct entry *e)
{
	uint8_t flags = flags_of(c, e);

	buf_putc(b, (char)flags);
	toc_writer_put_path(b, c, e);
	if (!(flags & SAME_MODE))
		toc_writer_put_number(b, e->mode);
	if (!(flags & SAME_OWNER)) {
		toc_writer_put_number(b, e->uid);
		toc_writer_put_number(b, e->gid);
	}
	put_signed(b, (uint64_t)e->mtime - (uint64_t)c->mtime);
	if (flags & HAS_NS)
		toc_writer_put_number(b, e->mtime_ns);
	toc_writer_put_number(b, e->size);
	if (!(flags & PLAIN_DATA))
		put_signed(b, e->data - c->expected);
	if (flags & HAS_LINK) {
		put_bytes(b, e->link, e->link_len);
		buf_putc(b, '\0');
	}
	if (flags & HAS_DEVICE) {
		toc_writer_put_number(b, e->dev_major);
		toc_writer_put_number(b, e->dev_minor);
	}
	if (flags & HAS_MAP)
		put_map(b, e);
	if (flags & HAS_XATTRS)
		toc_writer_put_xattrs(b, e);
}

int toc_writer_open(struct toc_writer **out, struct err *err)
{
	AUTO(toc_writer_close) struct toc_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem(err);
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd)
		return err_nomem(err);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_windowLog, TOC_WINDOW_LOG);
	*out = steal(&w);
	return 0;
}

void toc_writer_close(struct toc_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	buf_free(&w->pending);
	buf_free(&w->out);
	buf_free(&w->record);
	buf_free(&w->before.path);
	free(w);
}

uint64_t toc_writer_count(const struct toc_writer *w)
{
	return w->count;
}

uint64_t toc_writer_memory(const struct toc_writer *w)
{
	return w->out.len + w->pending.len;
}

static int compress_pending(struct toc_writer *w, ZSTD_EndDirective mode, struct err *err)
{
	ZSTD_inBuffer in = {w->pending.data, w->pending.len, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {buf_reserve(&w->out, TOC_CHUNK), TOC_CHUNK, 0};

		if (!out.dst)
			return err_nomem(err);
		left = ZSTD_compressStream2(w->zstd, &out, &in, mode);
		if (ZSTD_isError(left))
			return err_set(err, ENOMEM, "zstd: %s", ZSTD_getErrorName(left));
		w->out.len += out.pos;
	} while (mode == ZSTD_e_end ? left != 0 : in.pos < in.size);
	buf_reset(&w->pending);
	return 0;
}

int toc_writer_add(struct toc_writer *w, const struct entry *e, struct err *err)
{
	buf_reset(&w->record);
	toc_writer_put_record(&w->record, &w->before, e);
	toc_context_advance(&w->before, e);
	toc_writer_put_number(&w->pending, w->record.len);
	buf_append(&w->pending, w->record.data, w->record.len);
	w->count++;
	if (buf_failed(&w->record) || buf_failed(&w->pending) || buf_failed(&w->before.path))
		return err_nomem(err);
	if (w->out.len > STREAM_MAX)
		return err_set(err, EBADMSG, "its entries take more than %u MiB, compressed",
			       STREAM_MAX >> 20);
	return w->pending.len < TOC_CHUNK ? 0 : compress_pending(w, ZSTD_e_continue, err);
}

int toc_writer_finish(struct toc_writer *w, struct buf *out, struct err *err)
{
	int r;

	toc_writer_put_number(&w->pending, 0);
	toc_writer_put_number(&w->pending, w->count);
	if (buf_failed(&w->pending))
		return err_nomem(err);
	r = compress_pending(w, ZSTD_e_end, err);
	if (r)
		return r;
	buf_append(out, w->out.data, w->out.len);
	return buf_failed(out) ? err_nomem(err) : 0;
}

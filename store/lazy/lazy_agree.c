/* SPDX-License-Identifier: MIT */
#include "store/lazy/lazy_agree.h"

#include "store/base/buf.h"
#include "store/layer/layer.h"
#include "store/layer/toc.h"
#include "store/lazy/lazy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_SIZE  (256u << 10) /* of content, compared at once */
#define SPANS_BYTES (32u << 20)	 /* of decoded spans, of both */

/* One of both: what it says, and the bytes. */
struct side {
	struct layer *layer; /* owned, as is toc */
	struct buf bytes;
	struct toc_reader *toc;
	struct entry entry; /* the current one */
	char *data;	    /* owned; PIECE_SIZE */
};

static void side_close(struct side *s)
{
	toc_reader_close(s->toc);
	layer_close(s->layer);
	buf_free(&s->bytes);
	free(s->data);
}

static int side_open(struct side *s, struct store *store, struct span_cache *spans,
		     const struct layer_name *name, struct err *err)
{
	int r;

	s->data = malloc(PIECE_SIZE);
	if (!s->data)
		return err_nomem(err);
	r = layer_open_name(store, spans, name, 0, &s->layer, err);
	if (!r)
		r = layer_index_copy_toc(layer_index(s->layer), &s->bytes, err);
	return r ? r : toc_reader_open(s->bytes.data, s->bytes.len, &s->toc, err);
}

/* TOC_ENTRY, TOC_END, or an error. */
static int side_next(struct side *s, struct err *err)
{
	int r;

	do
		r = toc_reader_next(s->toc, &s->entry, err);
	while (r == TOC_ENTRY && lazy_is_landmark(s->entry.path));
	return r;
}

static const struct xattr *find_xattr(const struct entry *e, const char *name)
{
	for (uint32_t i = 0; i < e->xattr_count; i++)
		if (!strcmp(e->xattrs[i].name, name))
			return &e->xattrs[i];
	return NULL;
}

static bool same_xattrs(const struct entry *a, const struct entry *b)
{
	if (a->xattr_count != b->xattr_count)
		return false;
	for (uint32_t i = 0; i < a->xattr_count; i++) {
		const struct xattr *x = &a->xattrs[i], *y = find_xattr(b, x->name);

		if (!y || x->size != y->size || memcmp(x->value, y->value, x->size) != 0)
			return false;
	}
	return true;
}

/* eStargz has whole seconds, to the nearest one. */
static bool same_time(const struct entry *table, const struct entry *archive)
{
	int64_t up = archive->mtime + (archive->mtime_ns >= 500000000);

	return (table->mtime == archive->mtime && table->mtime_ns == archive->mtime_ns) ||
	       (table->mtime_ns == 0 && (table->mtime == up || table->mtime == archive->mtime));
}

/* NULL, or what differs. */
static const char *differs(const struct entry *t, const struct entry *a)
{
	mode_t type = a->mode & S_IFMT;

	if (t->path_len != a->path_len || memcmp(t->path, a->path, t->path_len) != 0)
		return "name";
	if ((t->mode & S_IFMT) != type)
		return "type";
	if (t->link_len != a->link_len || memcmp(t->link, a->link, t->link_len) != 0)
		return "link";
	if (type == 0) /* a hard link is what it leads to */
		return NULL;
	if (type != S_IFLNK && t->mode != a->mode)
		return "mode";
	if (t->uid != a->uid || t->gid != a->gid)
		return "owner";
	if (t->size != a->size)
		return "size";
	if (!same_time(t, a))
		return "time";
	if ((type == S_IFCHR || type == S_IFBLK) &&
	    (t->dev_major != a->dev_major || t->dev_minor != a->dev_minor))
		return "device";
	return same_xattrs(t, a) ? NULL : "extended attributes";
}

/* Bytes [offset, offset + len) of the current file. */
static int side_read(struct side *s, uint64_t offset, size_t len, struct err *err)
{
	const struct entry *e = &s->entry;
	uint64_t at = e->data;
	int r = 0;

	if (e->extent_count == 0)
		return layer_read(s->layer, e->data + offset, s->data, len, err);
	memset(s->data, 0, len);
	for (uint32_t i = 0; !r && i < e->extent_count; at += e->extents[i++].length) {
		const struct extent *x = &e->extents[i];
		uint64_t from = x->offset > offset ? x->offset : offset;
		uint64_t end =
		    x->offset + x->length < offset + len ? x->offset + x->length : offset + len;

		if (from < end)
			r = layer_read(s->layer, at + (from - x->offset), s->data + (from - offset),
				       (size_t)(end - from), err);
	}
	return r;
}

static int compare_content(struct side *table, struct side *archive, struct cancel *cancel,
			   bool *same, struct err *err)
{
	uint64_t size = S_ISREG(table->entry.mode) ? table->entry.size : 0, at = 0;
	int r = 0;

	*same = true;
	while (!r && *same && at < size) {
		size_t len = size - at < PIECE_SIZE ? (size_t)(size - at) : PIECE_SIZE;

		r = cancel_check(cancel, err);
		if (!r)
			r = side_read(table, at, len, err);
		if (!r)
			r = side_read(archive, at, len, err);
		*same = r || memcmp(table->data, archive->data, len) == 0;
		at += len;
	}
	return r;
}

static int compare(struct side *table, struct side *archive, struct cancel *cancel, struct err *err)
{
	for (;;) {
		int t = side_next(table, err), a = t < 0 ? t : side_next(archive, err), r;
		const char *what = t != a ? "number of entries" : NULL;
		bool same = true;

		if (t < 0 || a < 0)
			return t < 0 ? t : a;
		if (t == TOC_END && a == TOC_END)
			return 0;
		if (!what)
			what = differs(&table->entry, &archive->entry);
		r = what ? 0 : compare_content(table, archive, cancel, &same, err);
		if (r)
			return r;
		if (what || !same)
			return err_set(err, EBADMSG,
				       "the table of contents says otherwise than the archive: %s "
				       "of \"%.100s\"",
				       what ? what : "content",
				       t == TOC_ENTRY ? table->entry.path : archive->entry.path);
	}
}

int lazy_agree(struct store *s, const struct digest *blob, struct cancel *cancel, struct err *err)
{
	struct side table = {.bytes = BUF_INIT}, archive = {.bytes = BUF_INIT};
	struct span_cache *spans = span_cache_new(SPANS_BYTES);
	const struct layer_name whole = {.blob = *blob, .check = LAYER_CHECK_BLOCKS};
	struct layer_name name;
	int r = spans ? 0 : err_nomem(err);

	if (!r && !layer_name_any_table(s, blob, &name))
		r = err_set(err, ENOENT, "the layer has no table");
	if (!r)
		r = side_open(&table, s, spans, &name, err);
	if (!r)
		r = side_open(&archive, s, spans, &whole, err);
	if (!r)
		r = compare(&table, &archive, cancel, err);
	side_close(&table);
	side_close(&archive);
	if (spans)
		span_cache_free(spans);
	return r;
}

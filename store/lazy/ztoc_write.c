/* SPDX-License-Identifier: MIT */
#include "store/lazy/ztoc_write.h"

#include "store/disk/blob.h"
#include "store/layer/layer_index.h"
#include "store/lazy/flat_writer.h"
#include "store/lazy/ztoc.h"
#include "store/lazy/ztoc_points.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define XATTR	 "SCHILY.xattr."
#define TIME_MAX 64

struct ztoc_writer {
	struct flat_writer flat;    /* owned */
	struct layer_index *index;  /* owned */
	struct ztoc_points *points; /* owned */
	struct cancel *cancel;
	struct flat_shape entry, record;
};

static void ztoc_write_text(struct ztoc_writer *w, uint32_t from, const char *s)
{
	flat_write_string(&w->flat, from, s, (uint32_t)strlen(s));
}

/* ---- entries ---- */

static int format_time(const struct entry *e, char out[static TIME_MAX], struct err *err)
{
	time_t seconds = e->mtime;
	struct tm tm;
	size_t n;

	if (seconds != e->mtime || !gmtime_r(&seconds, &tm) || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900)
		return err_set(err, EOPNOTSUPP, "a time that RFC 3339 does not have");
	n = (size_t)snprintf(out, TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
			     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (e->mtime_ns) {
		n += (size_t)snprintf(out + n, TIME_MAX - n, ".%09u", e->mtime_ns);
		while (out[n - 1] == '0')
			n--;
	}
	snprintf(out + n, TIME_MAX - n, "Z");
	return 0;
}

static const char *type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "reg";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	default:
		return "hardlink";
	}
}

/* Directories end with a slash, as in archives. */
static void write_name(struct ztoc_writer *w, uint32_t from, const struct entry *e)
{
	autobuf name = BUF_INIT;

	buf_append(&name, e->path, e->path_len);
	if (e->path_len == 0)
		buf_putc(&name, '.');
	if (S_ISDIR(e->mode))
		buf_putc(&name, '/');
	flat_write_string(&w->flat, from, name.data, (uint32_t)name.len);
	w->flat.out.failed |= buf_failed(&name);
}

static void write_xattrs(struct ztoc_writer *w, uint32_t from, const struct entry *e)
{
	uint32_t at = flat_write_vector(&w->flat, from, e->xattr_count, FLAT_OFFSET);

	for (uint32_t i = 0; i < e->xattr_count; i++, at += FLAT_OFFSET) {
		const struct xattr *x = &e->xattrs[i];
		uint32_t t = flat_write_table(&w->flat, &w->record, at);
		char key[sizeof(XATTR) + ENTRY_NAME_MAX];

		snprintf(key, sizeof(key), XATTR "%s", x->name);
		ztoc_write_text(w, t + w->record.at[ZTOC_F_KEY], key);
		flat_write_string(&w->flat, t + w->record.at[ZTOC_F_VALUE], x->value, x->size);
	}
}

static int write_entry(struct ztoc_writer *w, uint32_t from, const struct entry *e, struct err *err)
{
	uint32_t t = flat_write_table(&w->flat, &w->entry, from);
	const uint16_t *at = w->entry.at;
	char time[TIME_MAX];
	int r = format_time(e, time, err);

	if (!r && e->extent_count > 0)
		r = err_set(err, EOPNOTSUPP, "a sparse file");
	if (r)
		return err_context(err, "\"%.200s\"", e->path);
	flat_write_i64(&w->flat, t + at[ZTOC_F_OFFSET], (int64_t)e->data);
	flat_write_i64(&w->flat, t + at[ZTOC_F_SIZE], (int64_t)e->stored);
	flat_write_i64(&w->flat, t + at[ZTOC_F_MODE], e->mode & 07777);
	flat_write_i32(&w->flat, t + at[ZTOC_F_UID], (int32_t)e->uid);
	flat_write_i32(&w->flat, t + at[ZTOC_F_GID], (int32_t)e->gid);
	flat_write_i64(&w->flat, t + at[ZTOC_F_MAJOR], e->dev_major);
	flat_write_i64(&w->flat, t + at[ZTOC_F_MINOR], e->dev_minor);
	write_name(w, t + at[ZTOC_F_NAME], e);
	ztoc_write_text(w, t + at[ZTOC_F_TYPE], type_name(e->mode));
	flat_write_string(&w->flat, t + at[ZTOC_F_LINK], e->link, (uint32_t)e->link_len);
	ztoc_write_text(w, t + at[ZTOC_F_UNAME], ""); /* an index does not keep them */
	ztoc_write_text(w, t + at[ZTOC_F_GNAME], "");
	ztoc_write_text(w, t + at[ZTOC_F_TIME], time);
	write_xattrs(w, t + at[ZTOC_F_PAX], e);
	return 0;
}

static int write_entries(struct ztoc_writer *w, uint32_t from, struct err *err)
{
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	autobuf bytes = BUF_INIT;
	uint64_t count = layer_index_entries(w->index), n = 0;
	struct entry e;
	uint32_t at;
	int r = count > ZTOC_ENTRIES_MAX
		    ? err_set(err, EOPNOTSUPP, "%llu entries", (unsigned long long)count)
		    : layer_index_copy_toc(w->index, &bytes, err);

	if (!r)
		r = toc_reader_open(bytes.data, bytes.len, &toc, err);
	if (r)
		return r;
	at = flat_write_vector(&w->flat, from, (uint32_t)count, FLAT_OFFSET);
	while (!(r = cancel_check(w->cancel, err)) &&
	       (r = toc_reader_next(toc, &e, err)) == TOC_ENTRY && n < count) {
		r = write_entry(w, at, &e, err);
		if (!r && w->flat.out.len > ZTOC_MAX)
			r = err_set(err, EOPNOTSUPP, "more than %u MiB", ZTOC_MAX >> 20);
		if (r)
			return r;
		at += FLAT_OFFSET;
		n++;
	}
	if (!r && n != count)
		r = err_set(err, EBADMSG, "the index of the layer has lost entries");
	return r;
}

/* ---- spans ---- */

static int write_checkpoints(struct ztoc_writer *w, uint32_t from, struct err *err)
{
	uint32_t at = flat_write_vector(&w->flat, from, 0, 1);
	int r = ztoc_points_zinfo(w->points, &w->flat.out, err);

	flat_write_i32(&w->flat, at - FLAT_OFFSET, (int32_t)(w->flat.out.len - at));
	return r;
}

static void write_digests(struct ztoc_writer *w, uint32_t from)
{
	uint32_t count = ztoc_points_count(w->points);
	uint32_t at = flat_write_vector(&w->flat, from, count, FLAT_OFFSET);
	char digest[DIGEST_TEXT_MAX];

	for (uint32_t i = 0; i < count; i++)
		ztoc_write_text(w, at + i * FLAT_OFFSET,
				digest_text(ztoc_points_digest(w->points, i), digest));
}

static int write_info(struct ztoc_writer *w, uint32_t from, struct err *err)
{
	static const uint8_t sizes[] = {[ZTOC_F_ALGORITHM] = 1,
					[ZTOC_F_MAX_SPAN] = 4,
					[ZTOC_F_DIGESTS] = 4,
					[ZTOC_F_CHECKPOINTS] = 4};
	struct flat_shape shape = flat_write_shape(&w->flat, sizes, sizeof(sizes));
	uint32_t t = flat_write_table(&w->flat, &shape, from);
	bool gzip = layer_index_compression(w->index) == COMPRESSION_GZIP;

	flat_write_i8(&w->flat, t + shape.at[ZTOC_F_ALGORITHM], gzip ? ZTOC_GZIP : ZTOC_PLAIN);
	flat_write_i32(&w->flat, t + shape.at[ZTOC_F_MAX_SPAN],
		       (int32_t)ztoc_points_count(w->points) - 1);
	write_digests(w, t + shape.at[ZTOC_F_DIGESTS]);
	return write_checkpoints(w, t + shape.at[ZTOC_F_CHECKPOINTS], err);
}

/* ---- all of it ---- */

static int write_toc(struct ztoc_writer *w, uint32_t from, struct err *err)
{
	static const uint8_t one[] = {[ZTOC_F_ENTRIES] = 4};
	static const uint8_t record[] = {[ZTOC_F_KEY] = 4, [ZTOC_F_VALUE] = 4};
	static const uint8_t entry[] = {
	    [ZTOC_F_NAME] = 4,	[ZTOC_F_TYPE] = 4,  [ZTOC_F_OFFSET] = 8, [ZTOC_F_SIZE] = 8,
	    [ZTOC_F_LINK] = 4,	[ZTOC_F_MODE] = 8,  [ZTOC_F_UID] = 4,	 [ZTOC_F_GID] = 4,
	    [ZTOC_F_UNAME] = 4, [ZTOC_F_GNAME] = 4, [ZTOC_F_TIME] = 4,	 [ZTOC_F_MAJOR] = 8,
	    [ZTOC_F_MINOR] = 8, [ZTOC_F_PAX] = 4};
	struct flat_shape shape = flat_write_shape(&w->flat, one, sizeof(one));
	uint32_t t;

	w->entry = flat_write_shape(&w->flat, entry, sizeof(entry));
	w->record = flat_write_shape(&w->flat, record, sizeof(record));
	t = flat_write_table(&w->flat, &shape, from);
	return write_entries(w, t + shape.at[ZTOC_F_ENTRIES], err);
}

static int ztoc_write_all(struct ztoc_writer *w, struct err *err)
{
	static const uint8_t sizes[] = {
	    [ZTOC_F_VERSION] = 4, [ZTOC_F_TOOL] = 4, [ZTOC_F_PACKED] = 8,
	    [ZTOC_F_PLAIN] = 8,	  [ZTOC_F_TOC] = 4,  [ZTOC_F_INFO] = 4};
	struct flat_shape shape;
	uint32_t t;
	int r;

	flat_write_root(&w->flat);
	shape = flat_write_shape(&w->flat, sizes, sizeof(sizes));
	t = flat_write_table(&w->flat, &shape, FLAT_ROOT);
	flat_write_i64(&w->flat, t + shape.at[ZTOC_F_PACKED],
		       (int64_t)layer_index_blob_size(w->index));
	flat_write_i64(&w->flat, t + shape.at[ZTOC_F_PLAIN],
		       (int64_t)layer_index_archive_size(w->index));
	ztoc_write_text(w, t + shape.at[ZTOC_F_VERSION], ZTOC_VERSION);
	ztoc_write_text(w, t + shape.at[ZTOC_F_TOOL], ZTOC_TOOL);
	r = write_toc(w, t + shape.at[ZTOC_F_TOC], err);
	if (!r)
		r = write_info(w, t + shape.at[ZTOC_F_INFO], err);
	if (!r && buf_failed(&w->flat.out))
		r = err_nomem(err);
	if (!r && w->flat.out.len > ZTOC_MAX)
		r = err_set(err, EOPNOTSUPP, "%zu bytes", w->flat.out.len);
	return r;
}

int ztoc_write(struct store *s, const struct digest *blob, struct cancel *cancel, struct buf *out,
	       struct err *err)
{
	struct ztoc_writer w = {.cancel = cancel};
	int r = layer_index_open(s, blob, LAYER_CHECK_BLOCKS, &w.index, err);

	if (!r)
		r = ztoc_points_find(s, blob, w.index, cancel, &w.points, err);
	if (!r)
		r = ztoc_write_all(&w, err);
	if (!r && !layer_index_intact(w.index))
		r = err_set(err, EIO, "the index of the layer was damaged meanwhile");
	if (!r) {
		buf_free(out);
		*out = w.flat.out;
		w.flat.out = (struct buf)BUF_INIT;
	}
	ztoc_points_free(w.points);
	layer_index_close(w.index);
	buf_free(&w.flat.out);
	return r ? err_context(err, "zTOC") : 0;
}

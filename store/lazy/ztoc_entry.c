/* SPDX-License-Identifier: MIT */
#include "store/lazy/ztoc.h"

#include "store/oci/oci.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_SHOWN 200 /* bytes of a name in a sentence */
#define TAR_SIZE   512

void ztoc_entry_free(struct ztoc_entry *e)
{
	buf_free(&e->bytes);
	tar_ext_free(&e->pax);
}

/* With a NUL behind. All strings of a zTOC have room in it, unless entries share them, to have few bytes
 * stand for many: no writer does that. */
static int ztoc_keep(const struct ztoc *z, struct ztoc_entry *e, struct flat_text text,
		     struct tar_text *out, struct err *err)
{
	e->taken += text.len;
	if (e->taken > z->in.len)
		return err_set(err, EBADMSG, "strings that are longer in all than the table");
	*out = (struct tar_text){e->bytes.data + e->bytes.len, text.len};
	buf_append(&e->bytes, text.data, text.len);
	buf_putc(&e->bytes, '\0');
	return 0;
}

/* A string without a NUL in it. */
static int ztoc_keep_name(const struct ztoc *z, struct ztoc_entry *e, struct flat_text text,
			  const char *what, struct tar_text *out, struct err *err)
{
	if (text.len > ENTRY_PATH_MAX)
		return err_set(err, EBADMSG, "%s has %u bytes", what, text.len);
	if (text.len && memchr(text.data, '\0', text.len))
		return err_set(err, EBADMSG, "%s has a NUL", what);
	return ztoc_keep(z, e, text, out, err);
}

static int ztoc_take_u32(int64_t value, const char *what, uint32_t *out, struct err *err)
{
	if (value < 0 || value > UINT32_MAX)
		return err_set(err, EBADMSG, "%s %lld is out of range", what, (long long)value);
	*out = (uint32_t)value;
	return 0;
}

/* ---- extended attributes ---- */

/* The table has all pax records of the entry. Of a sparse file it does not say where the content lies. */
static int ztoc_take_record(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			    struct err *err)
{
	struct flat_text key, value;
	struct tar_text name, bytes;
	int r = flat_string(t, ZTOC_F_KEY, &key, err);

	if (!r)
		r = flat_string(t, ZTOC_F_VALUE, &value, err);
	if (r)
		return r;
	if (key.len >= 10 && memcmp(key.data, "GNU.sparse", 10) == 0)
		return err_set(err, EOPNOTSUPP, "a sparse file");
	if (!tar_ext_is_xattr(key.data, key.len))
		return 0;
	r = ztoc_keep_name(z, e, key, "the name of an extended attribute", &name, err);
	if (!r)
		r = ztoc_keep(z, e, value, &bytes, err);
	return r ? r : tar_ext_xattr(&e->pax, name.data, bytes, err);
}

/* Bytes that the strings of the entry take, so that none of them moves when the next one is kept. */
static int reserve(struct ztoc_entry *e, const struct flat_table *t,
		   const struct flat_vector *records, struct err *err)
{
	static const unsigned fields[] = {ZTOC_F_NAME, ZTOC_F_LINK, ZTOC_F_TIME};
	struct flat_text text;
	uint64_t sum = 0;
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(fields) / sizeof(fields[0]); i++) {
		r = flat_string(t, fields[i], &text, err);
		sum += text.len + 1;
	}
	for (uint32_t i = 0; !r && i < records->count; i++) {
		struct flat_table record;

		r = flat_vector_table(records, i, &record, err);
		for (unsigned field = ZTOC_F_KEY; !r && field <= ZTOC_F_VALUE; field++) {
			r = flat_string(&record, field, &text, err);
			sum += text.len + 1;
		}
		if (!r && sum > 3 * TAR_EXT_MAX)
			r = err_set(err, EBADMSG, "strings of more than %d bytes", 3 * TAR_EXT_MAX);
	}
	return !r && !buf_reserve(&e->bytes, sum) ? err_nomem(err) : r;
}

static int ztoc_take_records(const struct ztoc *z, struct ztoc_entry *e,
			     const struct flat_vector *records, struct err *err)
{
	struct flat_table record;
	int r = 0;

	for (uint32_t i = 0; !r && i < records->count; i++) {
		r = flat_vector_table(records, i, &record, err);
		if (!r)
			r = ztoc_take_record(z, e, &record, err);
	}
	e->entry.xattrs = e->pax.xattrs;
	e->entry.xattr_count = e->pax.xattr_count;
	return r;
}

/* ---- names, times, numbers ---- */

static int ztoc_take_path(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			  struct err *err)
{
	struct flat_text text;
	struct tar_text name;
	int r = flat_string(t, ZTOC_F_NAME, &text, err);

	if (!r && text.len == 0)
		r = err_set(err, EBADMSG, "it has no name");
	if (!r)
		r = ztoc_keep_name(z, e, text, "the name", &name, err);
	if (r)
		return r;
	e->entry.path = name.data;
	e->entry.path_len = entry_clean_path(name.data, name.len);
	return entry_check_path(e->entry.path, e->entry.path_len, "the path", err);
}

static int ztoc_take_link(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			  bool hard, struct err *err)
{
	struct flat_text text;
	struct tar_text link;
	int r = flat_string(t, ZTOC_F_LINK, &text, err);

	if (!r && text.len == 0)
		r = err_set(err, EBADMSG, "a link to nothing");
	if (!r)
		r = ztoc_keep_name(z, e, text, "the link", &link, err);
	if (r)
		return r;
	e->entry.link = link.data;
	e->entry.link_len = hard ? entry_clean_path(link.data, link.len) : link.len;
	e->entry.size = hard ? 0 : link.len;
	return hard ? entry_check_path(e->entry.link, e->entry.link_len, "the link", err) : 0;
}

/* Go writes nothing for a year that RFC 3339 does not have. */
static int ztoc_take_time(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			  struct err *err)
{
	struct flat_text text;
	struct tar_text time;
	struct err why;
	int r = flat_string(t, ZTOC_F_TIME, &text, err);

	if (!r && text.len == 0)
		r = err_set(err, EOPNOTSUPP, "its time is not in the table");
	if (!r)
		r = ztoc_keep_name(z, e, text, "the time", &time, err);
	if (!r && oci_time_parse(time.data, &e->entry.mtime, &e->entry.mtime_ns, &why))
		r = err_set(err, EBADMSG, "time %s", why.text);
	return r;
}

static int ztoc_take_numbers(struct ztoc_entry *e, const struct flat_table *t, uint32_t type,
			     struct err *err)
{
	struct entry *n = &e->entry;
	int64_t mode = 0, major = 0, minor = 0;
	int32_t uid = 0, gid = 0;
	int r = flat_i64(t, ZTOC_F_MODE, 0, &mode, err);

	if (!r)
		r = flat_i32(t, ZTOC_F_UID, 0, &uid, err);
	if (!r)
		r = flat_i32(t, ZTOC_F_GID, 0, &gid, err);
	n->mode = type | ((uint32_t)mode & 07777);
	n->uid = (uint32_t)uid;
	n->gid = (uint32_t)gid;
	if (r || (type != S_IFCHR && type != S_IFBLK))
		return r;
	r = flat_i64(t, ZTOC_F_MAJOR, 0, &major, err);
	if (!r)
		r = flat_i64(t, ZTOC_F_MINOR, 0, &minor, err);
	if (!r)
		r = ztoc_take_u32(major, "device number", &n->dev_major, err);
	return r ? r : ztoc_take_u32(minor, "device number", &n->dev_minor, err);
}

/* ---- content ---- */

/* A header stands in front of each entry's content, and blocks of 512 bytes are filled up. */
static int ztoc_take_content(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			     bool regular, struct err *err)
{
	int64_t at, size;
	uint64_t first = e->end + TAR_SIZE;
	int r = flat_i64(t, ZTOC_F_OFFSET, 0, &at, err);

	if (!r)
		r = flat_i64(t, ZTOC_F_SIZE, 0, &size, err);
	if (r)
		return r;
	if (!regular)
		size = 0;
	if (at < 0 || size < 0 || at % TAR_SIZE || (uint64_t)at < first)
		return err_set(err, EBADMSG,
			       "its content begins at %lld, the entry before ends at %llu",
			       (long long)at, (unsigned long long)e->end);
	if ((uint64_t)at > z->plain || (uint64_t)size > z->plain - (uint64_t)at)
		return err_set(err, EBADMSG, "its content of %lld bytes at %lld lies behind %llu",
			       (long long)size, (long long)at, (unsigned long long)z->plain);
	e->entry.data = (uint64_t)at;
	e->entry.stored = (uint64_t)size;
	if (regular)
		e->entry.size = (uint64_t)size;
	e->end = ((uint64_t)at + (uint64_t)size + TAR_SIZE - 1) / TAR_SIZE * TAR_SIZE;
	return 0;
}

/* ---- all of it ---- */

static const struct {
	const char *name;
	uint32_t type; /* as in st_mode; 0: a hard link */
} ztoc_types[] = {
    {"reg", S_IFREG},  {"dir", S_IFDIR},   {"symlink", S_IFLNK}, {"hardlink", 0},
    {"char", S_IFCHR}, {"block", S_IFBLK}, {"fifo", S_IFIFO},
};
#define ZTOC_TYPES (sizeof(ztoc_types) / sizeof(ztoc_types[0]))

static int ztoc_take_type(const struct flat_table *t, uint32_t *type, struct err *err)
{
	struct flat_text text;
	int r = flat_string(t, ZTOC_F_TYPE, &text, err);

	for (size_t i = 0; !r && i < ZTOC_TYPES; i++)
		if (text.len == strlen(ztoc_types[i].name) &&
		    memcmp(text.data, ztoc_types[i].name, text.len) == 0) {
			*type = ztoc_types[i].type;
			return 0;
		}
	return r ? r
		 : err_set(err, EBADMSG, "an unknown type \"%.*s\"",
			   text.len < 32 ? (int)text.len : 32, text.data ? text.data : "");
}

static int ztoc_take_all(const struct ztoc *z, struct ztoc_entry *e, const struct flat_table *t,
			 struct err *err)
{
	struct flat_vector records;
	uint32_t type = 0;
	int r = flat_vector(t, ZTOC_F_PAX, FLAT_OFFSET, &records, err);

	if (!r)
		r = reserve(e, t, &records, err);
	if (!r)
		r = ztoc_take_path(z, e, t, err);
	if (!r)
		r = ztoc_take_type(t, &type, err);
	if (!r)
		r = ztoc_take_numbers(e, t, type, err);
	if (!r)
		r = ztoc_take_time(z, e, t, err);
	if (!r)
		r = ztoc_take_content(z, e, t, type == S_IFREG, err);
	if (!r && (type == 0 || type == S_IFLNK))
		r = ztoc_take_link(z, e, t, type == 0, err);
	return r ? r : ztoc_take_records(z, e, &records, err);
}

int ztoc_entry(const struct ztoc *z, uint32_t i, struct ztoc_entry *e, struct err *err)
{
	struct flat_table t = {0};
	struct flat_text name = {0};
	int r;

	assert(i < z->entries.count);
	e->entry = (struct entry){.path = "", .link = ""};
	buf_reset(&e->bytes);
	tar_ext_reset(&e->pax);
	r = flat_vector_table(&z->entries, i, &t, err);
	if (!r)
		r = ztoc_take_all(z, e, &t, err);
	if (!r)
		return 0;
	if (t.in.data)
		flat_string(&t, ZTOC_F_NAME, &name, NULL);
	return err_context(err, "entry %u \"%.*s\"", i,
			   name.len < NAME_SHOWN ? (int)name.len : NAME_SHOWN,
			   name.data ? name.data : "");
}

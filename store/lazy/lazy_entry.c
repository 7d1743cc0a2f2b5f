/* SPDX-License-Identifier: MIT */
#include "store/lazy/lazy_entry.h"

#include "store/oci/oci.h"
#include "store/tar/tar_ext.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_SHOWN 200 /* bytes of a name in a sentence */

/* Go's zero time, 0001-01-01: older writers put it where an entry has none. */
#define GO_ZERO_TIME (-62135596800)

void lazy_entry_free(struct lazy_entry *l)
{
	buf_free(&l->bytes);
}

/* A whole number from 0 to max; 0 where it is missing, as Go leaves zeros out. */
static int lazy_entry_number(const struct json_fields *o, const char *key, uint64_t max,
			     uint64_t *out, struct err *err)
{
	const struct json_field *n = json_field(o, key);

	*out = n ? n->number : 0;
	if (n && n->kind != JSON_WHOLE)
		return err_set(err, EBADMSG, "\"%s\" is missing or no whole number", key);
	if (n && n->negative)
		return err_set(err, EBADMSG, "\"%s\" is negative", key);
	return *out > max ? err_set(err, EBADMSG, "\"%s\" is too large", key) : 0;
}

static int lazy_entry_u32(const struct json_fields *o, const char *key, uint32_t *out,
			  struct err *err)
{
	uint64_t value;
	int r = lazy_entry_number(o, key, UINT32_MAX, &value, err);

	*out = (uint32_t)value;
	return r;
}

/* A string; "" where it is missing. Go writes U+FFFD for each byte that is not UTF-8: what the
 * string was is lost. */
static int lazy_entry_text(const struct json_fields *o, const char *key, const char **out,
			   struct err *err)
{
	const struct json_field *s = json_field(o, key);

	*out = s ? json_field_text(s) : "";
	if (!*out)
		return err_set(err, EBADMSG, "\"%s\" is no string, or has a NUL", key);
	if (strstr(*out, "\xef\xbf\xbd"))
		return err_set(err, EOPNOTSUPP, "\"%s\" was not UTF-8, and the table has lost it",
			       key);
	return 0;
}

/* ---- names ---- */

/* With a NUL behind, where it stays: room for all of the fields was reserved. */
static char *keep(struct lazy_entry *l, const void *data, size_t len)
{
	char *at = l->bytes.data + l->bytes.len;

	buf_append(&l->bytes, data, len);
	buf_putc(&l->bytes, '\0');
	return at;
}

static int take_path(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	const char *name;
	char *path;
	int r = lazy_entry_text(o, "name", &name, err);

	if (r)
		return r;
	if (!*name && !l->is_chunk)
		return err_set(err, EBADMSG, "it has no name");
	path = keep(l, name, strlen(name));
	l->entry.path = path;
	l->entry.path_len = entry_clean_path(path, strlen(path));
	return entry_check_path(path, l->entry.path_len, "the path", err);
}

static int take_link(struct lazy_entry *l, const struct json_fields *o, bool hard, struct err *err)
{
	const char *target;
	char *link;
	int r = lazy_entry_text(o, "linkName", &target, err);

	if (r)
		return r;
	link = keep(l, target, strlen(target));
	l->entry.link = link;
	l->entry.link_len = hard ? entry_clean_path(link, strlen(link)) : strlen(link);
	if (!*target)
		return err_set(err, EBADMSG, "a link to nothing");
	if (hard)
		return entry_check_path(link, l->entry.link_len, "the link", err);
	if (l->entry.link_len > ENTRY_PATH_MAX)
		return err_set(err, EBADMSG, "the link has more than %d bytes", ENTRY_PATH_MAX);
	l->entry.size = l->entry.link_len;
	return 0;
}

/* ---- attributes ---- */

static int base64_digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* To bytes, in place; the padding may be left out. */
static bool decode_base64(struct tar_text *value)
{
	uint32_t bits = 0;
	size_t len = value->len, out = 0;
	int have = 0;

	while (len > 0 && value->data[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(value->data[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			value->data[out++] = (char)(bits >> have);
		}
	}
	value->len = out;
	return len % 4 != 1;
}

static int lazy_entry_xattr(struct lazy_entry *l, const struct json_field *x, struct err *err)
{
	const char *name = x->key, *text = json_field_text(x);
	size_t len = x->key_len;
	struct tar_text bytes;
	char *kept;

	if (len == 0 || len > ENTRY_NAME_MAX)
		return err_set(err, EBADMSG, "an extended attribute with a name of %zu bytes", len);
	if (strstr(name, "\xef\xbf\xbd"))
		return err_set(err, EOPNOTSUPP, "the name of an extended attribute was not UTF-8");
	if (l->entry.xattr_count == ENTRY_XATTRS_MAX)
		return err_set(err, EBADMSG, "more than %d extended attributes", ENTRY_XATTRS_MAX);
	kept = keep(l, name, len);
	bytes.len = text ? x->len : 0;
	bytes.data = keep(l, text ? text : "", bytes.len);
	/* Go writes null for a value without bytes. */
	if ((!text && x->kind != JSON_NULL) || !decode_base64(&bytes))
		return err_set(err, EBADMSG, "extended attribute %s is not base64", name);
	if (bytes.len > ENTRY_XATTR_MAX)
		return err_set(err, EBADMSG, "extended attribute %s has over %d bytes", name,
			       ENTRY_XATTR_MAX);
	l->xattrs[l->entry.xattr_count++] = (struct xattr){kept, bytes.data, (uint32_t)bytes.len};
	return 0;
}

static int lazy_entry_xattrs(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	const struct json_field *map = json_field(o, "xattrs"), *x;
	size_t count = map ? json_field_members(o, map, &x) : 0;
	int r = 0;

	l->entry.xattrs = l->xattrs;
	if (map && map->kind != JSON_OBJECT)
		return err_set(err, EBADMSG, "\"xattrs\" is no object");
	for (size_t i = 0; !r && i < count; i++)
		r = lazy_entry_xattr(l, &x[i], err);
	return r;
}

static int lazy_entry_time(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	const char *text;
	struct err why; /* written only where it is read */
	int r = lazy_entry_text(o, "modtime", &text, err);

	if (r || !*text)
		return r;
	if (oci_time_parse(text, &l->entry.mtime, &l->entry.mtime_ns, &why))
		return err_set(err, EBADMSG, "modtime %s", why.text);
	if (l->entry.mtime == GO_ZERO_TIME)
		l->entry.mtime = 0;
	return 0;
}

static int lazy_entry_attrs(struct lazy_entry *l, const struct json_fields *o, uint32_t type,
			    struct err *err)
{
	struct entry *e = &l->entry;
	uint64_t mode;
	int r = lazy_entry_number(o, "mode", INT64_MAX, &mode, err);

	e->mode = type | ((uint32_t)mode & 07777);
	if (!r)
		r = lazy_entry_u32(o, "uid", &e->uid, err);
	if (!r)
		r = lazy_entry_u32(o, "gid", &e->gid, err);
	if (!r && (type == S_IFCHR || type == S_IFBLK))
		r = lazy_entry_u32(o, "devMajor", &e->dev_major, err);
	if (!r && (type == S_IFCHR || type == S_IFBLK))
		r = lazy_entry_u32(o, "devMinor", &e->dev_minor, err);
	if (!r)
		r = lazy_entry_time(l, o, err);
	return r ? r : lazy_entry_xattrs(l, o, err);
}

/* ---- content ---- */

/* A digest that we can check spans by; *has is false without one. */
static int take_digest(const struct json_fields *o, const char *key, struct digest *out, bool *has,
		       struct err *err)
{
	const char *text;
	int r = lazy_entry_text(o, key, &text, err);

	*has = false;
	if (r || !*text)
		return r;
	if (digest_parse(text, out, NULL) == 0)
		*has = out->algorithm == DIGEST_SHA256;
	else if (strncmp(text, "sha256:", 7) == 0)
		return err_set(err, EBADMSG, "\"%s\" is no digest", key);
	return 0;
}

static int take_content(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	struct lazy_chunk *c = &l->chunk;
	const char *type;
	bool has, has_whole = false;
	struct digest whole;
	int r = lazy_entry_text(o, "chunkType", &type, err);

	if (!r && *type && strcmp(type, "zeros") != 0)
		r = err_set(err, EOPNOTSUPP, "chunks of type \"%.32s\"", type);
	if (!r)
		r = take_digest(o, "chunkDigest", &c->sha256, &has, err);
	if (!r && !l->is_chunk)
		r = take_digest(o, "digest", &whole, &has_whole, err);
	if (r)
		return r;
	l->whole_digest = !has && has_whole;
	if (l->whole_digest)
		c->sha256 = whole;
	c->content = *type ? LAZY_ZEROS : has || has_whole ? LAZY_DATA : LAZY_UNVERIFIED;
	return 0;
}

static int take_chunk(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	const struct {
		const char *key;
		uint64_t *out;
	} numbers[] = {{"chunkOffset", &l->chunk.at},
		       {"chunkSize", &l->chunk.size},
		       {"offset", &l->chunk.offset},
		       {"innerOffset", &l->chunk.inner},
		       {"endOffset", &l->end}};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		r = lazy_entry_number(o, numbers[i].key, INT64_MAX, numbers[i].out, err);
	if (l->is_chunk)
		l->end = 0; /* the file's own says where the last one ends */
	return r ? r : take_content(l, o, err);
}

static int take_file(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	int r = lazy_entry_number(o, "size", INT64_MAX, &l->entry.size, err);

	return r ? r : take_chunk(l, o, err);
}

/* ---- all of it ---- */

static const struct {
	const char *name;
	uint32_t type; /* as in st_mode; 0: a hard link */
} types[] = {
    {"reg", S_IFREG},  {"dir", S_IFDIR},   {"symlink", S_IFLNK}, {"hardlink", 0},
    {"char", S_IFCHR}, {"block", S_IFBLK}, {"fifo", S_IFIFO},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static int take_typed(struct lazy_entry *l, const struct json_fields *o, const char *name,
		      struct err *err)
{
	size_t i = 0;
	int r = take_path(l, o, err);

	if (r || l->is_chunk)
		return r ? r : take_chunk(l, o, err);
	while (i < TYPES && strcmp(types[i].name, name ? name : "") != 0)
		i++;
	if (i == TYPES)
		return err_set(err, EBADMSG, "an unknown type \"%.32s\"", name ? name : "");
	r = lazy_entry_attrs(l, o, types[i].type, err);
	if (!r && types[i].type == S_IFREG)
		r = take_file(l, o, err);
	if (!r && (types[i].type == S_IFLNK || types[i].type == 0))
		r = take_link(l, o, types[i].type == 0, err);
	return r;
}

int lazy_entry_take(struct lazy_entry *l, const struct json_fields *o, struct err *err)
{
	struct buf bytes = l->bytes;
	const char *type = json_field_text(json_field(o, "type"));
	const char *name = json_field_text(json_field(o, "name"));
	int r;

	buf_reset(&bytes);
	memset(l, 0, offsetof(struct lazy_entry, xattrs));
	l->bytes = bytes;
	l->is_chunk = type && strcmp(type, "chunk") == 0;
	l->entry.path = l->entry.link = "";
	/* So that none of what is kept moves. What is absent or null has a NUL here, too. */
	if (!buf_reserve(&l->bytes, o->text.len + o->list.len + 2))
		return err_nomem(err);
	r = take_typed(l, o, type, err);
	return r ? err_context(err, "\"%.*s\"", NAME_SHOWN, name ? name : "") : 0;
}

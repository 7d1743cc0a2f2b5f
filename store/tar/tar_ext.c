/* SPDX-License-Identifier: MIT */
#include "store/tar/tar_ext.h"

#include <errno.h>
#include <string.h>

#define XATTR_SCHILY   "SCHILY.xattr."
#define XATTR_NAME_MAX 255

/* Values that are judged when all records are read, since the last of a keyword counts. */
struct records {
	struct tar_text size, uid, gid, mtime;
	struct tar_text major, minor, sparse_size, sparse_realsize, blocks, map;
	bool pairs; /* a 0.0 map was given */
	bool half;  /* … and lacks a length at its end */
	int64_t offset;
};

static void forget_pax(struct tar_ext *x)
{
	x->path = x->linkpath = x->sparse_name = (struct tar_text){0};
	x->has_size = x->has_uid = x->has_gid = x->has_mtime = false;
	x->sparse = x->sparse_1_0 = x->has_real_size = false;
	x->xattr_count = 0;
	tar_sparse_reset(&x->map);
}

void tar_ext_reset(struct tar_ext *x)
{
	x->any = false;
	buf_reset(&x->pax);
	buf_reset(&x->name);
	buf_reset(&x->link);
	forget_pax(x);
}

void tar_ext_free(struct tar_ext *x)
{
	buf_free(&x->pax);
	buf_free(&x->name);
	buf_free(&x->link);
	tar_sparse_free(&x->map);
}

static int tar_ext_malformed(const char *key, struct err *err)
{
	return err_set(err, EBADMSG, "malformed pax record \"%s\"", key);
}

static int take_int(struct tar_text text, const char *key, bool *has, int64_t *out, struct err *err)
{
	const char *end = text.len ? tar_sparse_number(text.data, '\0', out) : NULL;

	*has = text.len != 0;
	if (*has && (!end || end != text.data + text.len + 1))
		return tar_ext_malformed(key, err);
	return 0;
}

/* "seconds" or "seconds.fraction", negative ones too: -1.25 is a quarter of a second before -1.
 * Digits beyond nanoseconds are cut, as in Go. */
static int take_time(struct tar_ext *x, struct tar_text text, struct err *err)
{
	char *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
	uint32_t ns = 0, unit = 100000000;

	if (dot) {
		for (const char *at = dot + 1; at < text.data + text.len; at++, unit /= 10) {
			if (*at < '0' || *at > '9')
				return tar_ext_malformed("mtime", err);
			ns += (uint32_t)(*at - '0') * unit;
		}
		*dot = '\0';
		text.len = (size_t)(dot - text.data);
		if (!text.len)
			return tar_ext_malformed("mtime", err);
	}
	if (take_int(text, "mtime", &x->has_mtime, &x->mtime, err))
		return -EBADMSG;
	if (ns && *text.data == '-') {
		if (__builtin_sub_overflow(x->mtime, 1, &x->mtime))
			return tar_ext_malformed("mtime", err);
		ns = 1000000000 - ns;
	}
	x->mtime_ns = ns;
	return 0;
}

static int add_xattr(struct tar_ext *x, const char *name, struct tar_text value, struct err *err)
{
	struct xattr *a = x->xattrs, *end = x->xattrs + x->xattr_count;
	size_t len = strlen(name);

	if (len == 0 || len > XATTR_NAME_MAX)
		return err_set(err, EBADMSG, "extended attribute with a name of %zu bytes", len);
	if (value.len > ENTRY_XATTR_MAX)
		return err_set(err, EBADMSG, "extended attribute %s has over %d bytes", name,
			       ENTRY_XATTR_MAX);
	while (a < end && strcmp(a->name, name) != 0)
		a++;
	/* An empty value does not take back what a record before said, as it does for other
	 * keywords: containerd and podman set an empty attribute. */
	if (a == x->xattrs + ENTRY_XATTRS_MAX)
		return err_set(err, EBADMSG, "more than %d extended attributes", ENTRY_XATTRS_MAX);
	if (a == end)
		x->xattr_count++;
	*a = (struct xattr){name, value.data, (uint32_t)value.len};
	return 0;
}

bool tar_ext_is_xattr(const char *key, size_t len)
{
	return len >= strlen(XATTR_SCHILY) && memcmp(key, XATTR_SCHILY, strlen(XATTR_SCHILY)) == 0;
}

int tar_ext_xattr(struct tar_ext *x, const char *key, struct tar_text value, struct err *err)
{
	return add_xattr(x, key + strlen(XATTR_SCHILY), value, err);
}

/* Sparse 0.0: offset and length are records of their own, in turns. */
static int take_pair(struct tar_ext *x, struct records *records, bool offset, struct tar_text value,
		     struct err *err)
{
	const char *key = offset ? "GNU.sparse.offset" : "GNU.sparse.numbytes";
	int64_t number;
	bool has;

	if (records->half == offset || take_int(value, key, &has, &number, err) || !has)
		return tar_ext_malformed(key, err);
	if (!records->pairs)
		tar_sparse_reset(&x->map);
	records->pairs = true;
	records->half = offset;
	if (!offset)
		return tar_sparse_add(&x->map, records->offset, number, err);
	records->offset = number;
	return 0;
}

static struct tar_text *find_value(struct tar_ext *x, struct records *records, const char *key)
{
	const struct {
		const char *key;
		struct tar_text *value;
	} known[] = {
	    {"path", &x->path},
	    {"linkpath", &x->linkpath},
	    {"size", &records->size},
	    {"uid", &records->uid},
	    {"gid", &records->gid},
	    {"mtime", &records->mtime},
	    {"GNU.sparse.major", &records->major},
	    {"GNU.sparse.minor", &records->minor},
	    {"GNU.sparse.name", &x->sparse_name},
	    {"GNU.sparse.size", &records->sparse_size},
	    {"GNU.sparse.realsize", &records->sparse_realsize},
	    {"GNU.sparse.numblocks", &records->blocks},
	    {"GNU.sparse.map", &records->map},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].key, key) == 0)
			return known[i].value;
	return NULL;
}

/* Names cannot hold a NUL: cut there, they would be another name than the one that others see. */
static bool tar_ext_is_name(const char *key)
{
	return strcmp(key, "path") == 0 || strcmp(key, "linkpath") == 0 ||
	       strcmp(key, "uname") == 0 || strcmp(key, "gname") == 0 ||
	       strcmp(key, "GNU.sparse.name") == 0;
}

static int take_record(struct tar_ext *x, struct records *records, char *key, struct tar_text value,
		       struct err *err)
{
	struct tar_text *known;

	if (tar_ext_is_xattr(key, strlen(key)))
		return tar_ext_xattr(x, key, value, err);
	if (strcmp(key, "GNU.sparse.offset") == 0)
		return take_pair(x, records, true, value, err);
	if (strcmp(key, "GNU.sparse.numbytes") == 0)
		return take_pair(x, records, false, value, err);
	if (tar_ext_is_name(key) && memchr(value.data, '\0', value.len))
		return tar_ext_malformed(key, err);
	known = find_value(x, records, key);
	if (known)
		*known = value;
	return 0; /* the rest says nothing to us: comment, atime, hdrcharset (names are bytes here),
		   * bsdtar's LIBARCHIVE.xattr, which no container tool reads */
}

static bool equals(struct tar_text text, const char *want)
{
	return text.len == strlen(want) && memcmp(text.data, want, text.len) == 0;
}

static int take_sparse(struct tar_ext *x, struct records *records, struct err *err)
{
	struct tar_text real =
	    records->sparse_size.len ? records->sparse_size : records->sparse_realsize;
	bool version_0 = equals(records->major, "0") &&
			 (equals(records->minor, "0") || equals(records->minor, "1"));
	bool has_blocks;
	int64_t blocks;
	int r;

	x->sparse_1_0 = equals(records->major, "1") && equals(records->minor, "0");
	if (records->half)
		return tar_ext_malformed("GNU.sparse.offset", err);
	/* 0.0 and 0.1 need not name their version; unknown versions are plain files, as in Go. */
	if (!x->sparse_1_0 && !version_0 &&
	    (records->major.len || records->minor.len || !(records->pairs || records->map.len)))
		return 0;
	x->sparse = true;
	r = take_int(real, "GNU.sparse.size", &x->has_real_size, &x->real_size, err);
	if (r || x->sparse_1_0)
		return r;
	if (records->map.data && memchr(records->map.data, '\0', records->map.len))
		return tar_ext_malformed("GNU.sparse.map", err);
	r = records->pairs ? 0 : tar_sparse_add_list(&x->map, records->map.data, err);
	if (!r)
		r = take_int(records->blocks, "GNU.sparse.numblocks", &has_blocks, &blocks, err);
	if (!r && (!has_blocks || blocks != x->map.count))
		return tar_ext_malformed("GNU.sparse.numblocks", err);
	return r;
}

/* One record at `at`: "length key=value\n", the length counting all of it. The bytes that it took,
 * or -EBADMSG. */
static ssize_t split_record(char *at, size_t left, char **key, struct tar_text *value)
{
	char *space = memchr(at, ' ', left), *end, *equal;
	int64_t len;

	if (!space || tar_sparse_number(at, ' ', &len) != space + 1)
		return -EBADMSG;
	if (len < 5 || (uint64_t)len > left || len <= space + 1 - at)
		return -EBADMSG;
	end = at + len - 1;
	*key = space + 1;
	equal = memchr(*key, '=', (size_t)(end - *key));
	if (*end != '\n' || !equal || equal == *key || memchr(*key, '\0', (size_t)(equal - *key)))
		return -EBADMSG;
	*equal = '\0';
	*end = '\0';
	*value = (struct tar_text){equal + 1, (size_t)(end - equal - 1)};
	return len;
}

int tar_ext_pax(struct tar_ext *x, struct err *err)
{
	char *at = x->pax.data;
	size_t left = x->pax.len;
	struct records records = {0};
	int r;

	forget_pax(x);
	while (left > 0) {
		struct tar_text value;
		char *key;
		ssize_t n = split_record(at, left, &key, &value);

		if (n < 0)
			return err_set(err, EBADMSG, "malformed pax record");
		r = take_record(x, &records, key, value, err);
		if (r)
			return r;
		at += n;
		left -= (size_t)n;
	}
	if (take_int(records.size, "size", &x->has_size, &x->size, err) ||
	    take_int(records.uid, "uid", &x->has_uid, &x->uid, err) ||
	    take_int(records.gid, "gid", &x->has_gid, &x->gid, err) ||
	    take_time(x, records.mtime, err))
		return -EBADMSG;
	return take_sparse(x, &records, err);
}

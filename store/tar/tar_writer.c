/* SPDX-License-Identifier: MIT */
#include "store/tar/tar_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* The ustar header block. */
struct ustar {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char uname[32], gname[32];
	char dev_major[8], dev_minor[8];
	char prefix[155];
	char unused[12];
};
_Static_assert(sizeof(struct ustar) == TAR_WRITER_BLOCK &&
		   offsetof(struct ustar, checksum) == 148 &&
		   offsetof(struct ustar, magic) == 257 && offsetof(struct ustar, prefix) == 345,
	       "the header that POSIX has");

/* Octal digits, with a NUL behind; false: there are not enough of them. */
static bool put_octal(char *field, size_t size, uint64_t value)
{
	char digits[32];
	int n =
	    snprintf(digits, sizeof(digits), "%0*llo", (int)size - 1, (unsigned long long)value);

	if (n != (int)size - 1)
		return false;
	memcpy(field, digits, size);
	return true;
}

/* A record of a pax header: "LENGTH KEY=VALUE\n", where the length counts itself. */
static void tar_writer_put_record(struct buf *out, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3; /* blank, =, newline */
	size_t digits = 1, total;
	char number[32];

	while ((total = rest + digits),
	       snprintf(number, sizeof(number), "%zu", total) > (int)digits)
		digits++;
	buf_printf(out, "%zu %s=", total, key);
	buf_append(out, value, size);
	buf_putc(out, '\n');
}

static void tar_writer_put_number(struct buf *out, const char *key, uint64_t value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	tar_writer_put_record(out, key, text, (size_t)n);
}

/* Seconds with a fraction; before 1970 they count downwards, fraction and all. */
static void put_time(struct buf *out, int64_t seconds, uint32_t ns)
{
	bool negative = seconds < 0;
	char text[64];
	int n;

	if (negative && ns) {
		seconds++;
		ns = 1000000000 - ns;
	}
	n = snprintf(text, sizeof(text), "%s%llu.%09u", negative ? "-" : "",
		     (unsigned long long)llabs(seconds), ns);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	tar_writer_put_record(out, "mtime", text, (size_t)n);
}

/* A name in its field, or split at a slash over prefix and name; false: it has to go to the pax
 * header, and its beginning stands in the field. */
static bool put_name(struct ustar *h, const char *path, size_t len)
{
	size_t slash = len > sizeof(h->name) ? len - sizeof(h->name) - 1 : 0;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	while (slash < len && path[slash] != '/')
		slash++;
	if (slash > 0 && slash < len - 1 && slash <= sizeof(h->prefix)) {
		memcpy(h->prefix, path, slash);
		memcpy(h->name, path + slash + 1, len - slash - 1);
		return true;
	}
	memcpy(h->name, path, sizeof(h->name));
	return false;
}

static void seal(struct ustar *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

static char type_of(const struct entry *e)
{
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return '0';
	case 0:
		return '1';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '\0';
	}
}

/* Fills the fields; what they do not hold goes to the records. */
static void tar_writer_fill(struct ustar *h, const struct entry *e, const char *path,
			    size_t path_len, struct buf *records)
{
	uint64_t size = S_ISREG(e->mode) ? e->size : 0;

	if (!put_name(h, path, path_len))
		tar_writer_put_record(records, "path", path, path_len);
	memcpy(h->link, e->link, e->link_len < sizeof(h->link) ? e->link_len : sizeof(h->link));
	if (e->link_len > sizeof(h->link))
		tar_writer_put_record(records, "linkpath", e->link, e->link_len);
	put_octal(h->mode, sizeof(h->mode), e->mode & 07777);
	if (!put_octal(h->uid, sizeof(h->uid), e->uid))
		tar_writer_put_number(records, "uid", e->uid);
	if (!put_octal(h->gid, sizeof(h->gid), e->gid))
		tar_writer_put_number(records, "gid", e->gid);
	if (!put_octal(h->size, sizeof(h->size), size))
		tar_writer_put_number(records, "size", size);
	if (e->mtime_ns || e->mtime < 0 ||
	    !put_octal(h->mtime, sizeof(h->mtime), (uint64_t)e->mtime)) {
		put_octal(h->mtime, sizeof(h->mtime), 0);
		put_time(records, e->mtime, e->mtime_ns);
	}
	put_octal(h->dev_major, sizeof(h->dev_major), e->dev_major & 07777777);
	put_octal(h->dev_minor, sizeof(h->dev_minor), e->dev_minor & 07777777);
}

static void tar_writer_put_xattrs(const struct entry *e, struct buf *records)
{
	char key[512];

	for (uint32_t i = 0; i < e->xattr_count; i++) {
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", e->xattrs[i].name);
		tar_writer_put_record(records, key, e->xattrs[i].value, e->xattrs[i].size);
	}
}

static void put_block(struct buf *out, const struct ustar *h)
{
	buf_append(out, h, sizeof(*h));
}

/* The extended header in front: an entry of its own kind. */
static void put_pax(const struct buf *records, struct buf *out)
{
	static const char zeros[TAR_WRITER_BLOCK];
	struct ustar h = {.name = "PaxHeader", .type = 'x'};

	put_octal(h.mode, sizeof(h.mode), 0644);
	put_octal(h.uid, sizeof(h.uid), 0);
	put_octal(h.gid, sizeof(h.gid), 0);
	put_octal(h.mtime, sizeof(h.mtime), 0);
	put_octal(h.size, sizeof(h.size), records->len);
	seal(&h);
	put_block(out, &h);
	buf_append(out, records->data, records->len);
	buf_append(out, zeros, tar_writer_padding(records->len));
}

int tar_writer_header(const struct entry *e, struct buf *out, struct err *err)
{
	struct ustar h = {.type = type_of(e)};
	autobuf path = BUF_INIT, records = BUF_INIT;

	if (!h.type)
		return err_set(err, EINVAL, "%.*s: a type that tar does not know", (int)e->path_len,
			       e->path);
	buf_append(&path, e->path, e->path_len);
	if (S_ISDIR(e->mode))
		buf_putc(&path, '/');
	if (buf_failed(&path))
		return err_nomem(err);
	tar_writer_fill(&h, e, path.data, path.len, &records);
	tar_writer_put_xattrs(e, &records);
	if (records.len)
		put_pax(&records, out);
	seal(&h);
	put_block(out, &h);
	return buf_failed(&records) || buf_failed(out) ? err_nomem(err) : 0;
}

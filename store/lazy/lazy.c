/* SPDX-License-Identifier: MIT */
#include "store/lazy/lazy.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define ESTARGZ_DIGEST "containerd.io/snapshot/stargz/toc.digest"
#define CHUNKED_TYPE   1 /* the only type of table that there is */
#define FRAME_HEADER   8 /* of the skippable zstd frame around a table */

#define EXTERNAL_FOOTER 46 /* bytes, where the table is another blob */

/* The writers of zstd:chunked, with the names of their annotations: containers/storage, and
 * stargz-snapshotter, which has the entries of its own format. */
static const struct lazy_writer {
	const char *digest, *position;
	bool landmarks;
} writers[] = {
    {"io.github.containers.zstd-chunked.manifest-checksum",
     "io.github.containers.zstd-chunked.manifest-position", false},
    {"io.containers.zstd-chunked.manifest-checksum", "io.containers.zstd-chunked.manifest-position",
     true},
};

static bool type_ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len >= n && strcmp(text + len - n, suffix) == 0;
}

/* A sha256 that an annotation holds. */
static bool find_digest(const struct descriptor *d, const char *key, struct digest *out)
{
	const char *text = json_string(d->annotations, key);

	return text && digest_parse(text, out, NULL) == 0 && out->algorithm == DIGEST_SHA256;
}

static int check_sizes(uint64_t table, uint64_t json, struct err *err)
{
	if (table > LAZY_TABLE_MAX || json > LAZY_JSON_MAX)
		return err_set(err, EOPNOTSUPP,
			       "a table of contents of %llu bytes, %llu decompressed",
			       (unsigned long long)table, (unsigned long long)json);
	return 0;
}

static int find_estargz(const struct descriptor *d, struct lazy *l, struct err *err)
{
	if (!find_digest(d, ESTARGZ_DIGEST, &l->table))
		return 0;
	if (d->size <= LAZY_FOOTER)
		return err_set(err, EBADMSG, "eStargz: a blob of %llu bytes has no footer",
			       (unsigned long long)d->size);
	l->format = LAZY_ESTARGZ;
	l->landmarks = true;
	l->compression = COMPRESSION_GZIP;
	l->next = (struct byte_range){d->size - LAZY_FOOTER, d->size};
	return 0;
}

/* Four decimal numbers with colons between, and nothing else. */
static bool parse_position(const char *text, uint64_t out[static 4])
{
	for (int i = 0; i < 4; i++) {
		out[i] = 0;
		if (!isdigit((unsigned char)*text))
			return false;
		for (; isdigit((unsigned char)*text); text++)
			if (__builtin_mul_overflow(out[i], 10, &out[i]) ||
			    __builtin_add_overflow(out[i], (uint64_t)(*text - '0'), &out[i]))
				return false;
		if (*text != (i < 3 ? ':' : '\0'))
			return false;
		text++;
	}
	return true;
}

static int find_chunked(const struct descriptor *d, const struct lazy_writer *w, struct lazy *l,
			struct err *err)
{
	const char *position = json_string(d->annotations, w->position);
	uint64_t n[4]; /* offset, length, length of the JSON, type */
	int r;

	if (!position || !find_digest(d, w->digest, &l->table))
		return 0;
	if (!parse_position(position, n))
		return err_set(err, EBADMSG, "zstd:chunked: \"%.80s\" is no position", position);
	if (n[3] != CHUNKED_TYPE)
		return 0;
	if (n[0] <= FRAME_HEADER || n[1] == 0 || n[2] == 0 || n[0] > d->size ||
	    n[1] > d->size - n[0])
		return err_set(err, EBADMSG, "zstd:chunked: no table of contents lies at %.80s",
			       position);
	r = check_sizes(n[1], n[2], err);
	if (r)
		return r;
	l->format = LAZY_ZSTD_CHUNKED;
	l->landmarks = w->landmarks;
	l->compression = COMPRESSION_ZSTD;
	l->next = (struct byte_range){n[0], n[0] + n[1]};
	l->json_max = n[2];
	l->has_table = true;
	l->content_end = n[0] - FRAME_HEADER;
	return 0;
}

int lazy_find(const struct descriptor *d, struct lazy *out, struct err *err)
{
	int r = 0;

	*out = (struct lazy){0};
	if (!d->annotations || d->foreign)
		return 0;
	if (type_ends(d->media_type, "+gzip") || type_ends(d->media_type, ".gzip"))
		return find_estargz(d, out, err);
	if (!type_ends(d->media_type, "+zstd"))
		return 0;
	for (size_t i = 0; !r && !out->format && i < sizeof(writers) / sizeof(writers[0]); i++)
		r = find_chunked(d, &writers[i], out, err);
	return r;
}

/* 16 hex digits. */
static bool parse_offset(const uint8_t *digits, uint64_t *out)
{
	*out = 0;
	for (int i = 0; i < 16; i++) {
		int c = tolower(digits[i]);

		if (!isxdigit(c))
			return false;
		*out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return true;
}

/*
 * The footer is a gzip member without content whose extra field names the offset: 51 bytes with
 * the field as RFC 1952 wants it, 47 as the first stargz had it. `out` gets the offset, and how
 * long the footer is.
 */
static bool parse_footer(const uint8_t footer[static LAZY_FOOTER], uint64_t *out, size_t *len)
{
	static const char head[] = {0x1f, (char)0x8b, 8, 4};
	static const char now[] = "\x1a\0SG\x16\0", old[] = "\x16\0";
	const size_t now_len = sizeof(now) - 1, old_len = sizeof(old) - 1;
	const uint8_t *at = footer;

	*len = LAZY_FOOTER;
	if (memcmp(at, head, sizeof(head)) == 0 && memcmp(at + 10, now, now_len) == 0)
		return memcmp(at + 10 + now_len + 16, "STARGZ", 6) == 0 &&
		       parse_offset(at + 10 + now_len, out);
	at += now_len - old_len;
	*len = LAZY_FOOTER - (now_len - old_len);
	return memcmp(at, head, sizeof(head)) == 0 && memcmp(at + 10, old, old_len) == 0 &&
	       memcmp(at + 10 + old_len + 16, "STARGZ", 6) == 0 &&
	       parse_offset(at + 10 + old_len, out);
}

/* 46 bytes in the same form, without an offset. */
static bool is_external(const uint8_t footer[static LAZY_FOOTER])
{
	static const char head[] = {0x1f, (char)0x8b, 8, 4};
	static const char field[] = "\x15\0SG\x11\0STARGZEXTERNALTOC";
	const uint8_t *at = footer + LAZY_FOOTER - EXTERNAL_FOOTER;

	return memcmp(at, head, sizeof(head)) == 0 &&
	       memcmp(at + 10, field, sizeof(field) - 1) == 0;
}

int lazy_footer(struct lazy *l, const void *data, size_t len, struct err *err)
{
	uint64_t size = l->next.end, offset;
	size_t footer;
	int r;

	if (l->format != LAZY_ESTARGZ || l->has_table || len != LAZY_FOOTER)
		return err_set(err, EINVAL, "no footer was asked for");
	if (is_external(data)) {
		l->external = true;
		l->content_end = size - EXTERNAL_FOOTER;
		return 0;
	}
	if (!parse_footer(data, &offset, &footer))
		return err_set(err, EBADMSG, "eStargz: the blob does not end with a footer");
	if (offset == 0 || offset >= size - footer)
		return err_set(err, EBADMSG, "eStargz: no table of contents lies at %llu",
			       (unsigned long long)offset);
	r = check_sizes(size - footer - offset, 0, err);
	if (r)
		return r;
	l->next = (struct byte_range){offset, size - footer};
	l->json_max = LAZY_JSON_MAX;
	l->has_table = true;
	l->content_end = offset;
	return 0;
}

int lazy_external(struct lazy *l, uint64_t size, struct err *err)
{
	int r = size ? check_sizes(size, 0, err)
		     : err_set(err, EBADMSG, "eStargz: an empty table of contents");

	if (r)
		return r;
	l->next = (struct byte_range){0, size};
	l->json_max = LAZY_JSON_MAX;
	l->has_table = true;
	return 0;
}

bool lazy_is_landmark(const char *path)
{
	return strcmp(path, LAZY_PREFETCH) == 0 || strcmp(path, LAZY_NO_PREFETCH) == 0 ||
	       strcmp(path, "stargz.index.json") == 0;
}

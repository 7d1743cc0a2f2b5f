/* SPDX-License-Identifier: MIT */
#include "store/tar/tar.h"

#include "store/tar/tar_ext.h"
#include "store/tar/tar_header.h"
#include "store/tar/tar_sparse.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* What the bytes that come next are. */
enum state {
	HEADER,	    /* a header block */
	EXTENSION,  /* the payload of an extension header */
	SPARSE_OLD, /* a block of an old GNU map */
	SPARSE_1_0, /* a block of a map in front of the data */
	DATA,	    /* a file's, then padding up to a block */
	END,	    /* whatever stands behind the archive */
};

struct tar {
	tar_entry_fn on_entry;
	void *arg; /* borrowed, for on_entry */
	enum state state;
	int failed;		  /* -errno that ended the parsing */
	uint64_t offset;	  /* in the archive, of the next byte */
	uint64_t left;		  /* bytes of payload or data still to come */
	uint32_t padding;	  /* … and behind them */
	bool zero_block;	  /* the block before was zeros */
	char extension;		  /* EXTENSION: the typeflag */
	uint8_t block[TAR_BLOCK]; /* one that came in pieces */
	size_t block_len;
	struct tar_header header; /* of the entry under way; its strings are cleaned in place */
	struct entry entry;
	struct tar_ext ext;
};

int tar_open(tar_entry_fn on_entry, void *arg, struct tar **out, struct err *err)
{
	struct tar *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	t->on_entry = on_entry;
	t->arg = arg;
	*out = t;
	return 0;
}

void tar_close(struct tar *t)
{
	if (!t)
		return;
	tar_ext_free(&t->ext);
	free(t);
}

static uint32_t padding_of(uint64_t size)
{
	return (uint32_t)(-size & (TAR_BLOCK - 1));
}

static bool has_data(char type)
{
	return type < '1' ||
	       type > '6'; /* hard link, symlink, devices, directory, fifo have none */
}

/* The type by POSIX, with 'S' of GNU; 0 for those that no container tool knows. */
static uint32_t file_type(char type)
{
	switch (type) {
	case '0':
	case '\0':
	case '7': /* contiguous */
	case 'S':
		return S_IFREG;
	case '2':
		return S_IFLNK;
	case '3':
		return S_IFCHR;
	case '4':
		return S_IFBLK;
	case '5':
		return S_IFDIR;
	case '6':
		return S_IFIFO;
	default:
		return 0;
	}
}

/* The number fits into 32 bits, or the entry is refused: never is an owner cut to another one. */
static int take_u32(int64_t value, const char *what, uint32_t *out, struct err *err)
{
	if (value < 0 || value > UINT32_MAX)
		return err_set(err, EBADMSG, "%s %lld is out of range", what, (long long)value);
	*out = (uint32_t)value;
	return 0;
}

static int take_owner(struct tar *t, struct err *err)
{
	const struct tar_header *h = &t->header;
	int r = take_u32(t->ext.has_uid ? t->ext.uid : h->uid, "uid", &t->entry.uid, err);

	if (!r)
		r = take_u32(t->ext.has_gid ? t->ext.gid : h->gid, "gid", &t->entry.gid, err);
	if (r || (h->type != '3' && h->type != '4'))
		return r;
	r = take_u32(h->dev_major, "device number", &t->entry.dev_major, err);
	return r ? r : take_u32(h->dev_minor, "device number", &t->entry.dev_minor, err);
}

/*
 * Names, in Go's order of precedence: GNU long name, then pax, then the header; the name of a
 * sparse file before all (its other name is a made-up one for tools that do not know the format).
 */
static void take_names(struct tar *t)
{
	struct tar_ext *x = &t->ext;
	struct tar_text path = {t->header.name, t->header.name_len};
	struct tar_text link = {t->header.link, t->header.link_len};

	if (x->path.len)
		path = x->path;
	if (x->linkpath.len)
		link = x->linkpath;
	if (x->name.len && *x->name.data)
		path = (struct tar_text){x->name.data, strlen(x->name.data)};
	if (x->link.len && *x->link.data)
		link = (struct tar_text){x->link.data, strlen(x->link.data)};
	/* v7 archives have no other mark for a directory. */
	if (t->header.type == '\0' && path.len && path.data[path.len - 1] == '/')
		t->header.type = '5';
	if (x->sparse && x->sparse_name.len)
		path = x->sparse_name;
	if (t->header.type == '1')
		link.len = entry_clean_path(link.data, link.len);
	else if (t->header.type != '2')
		link = (struct tar_text){"", 0};
	t->entry.path_len = entry_clean_path(path.data, path.len);
	t->entry.path = path.data;
	t->entry.link = link.data;
	t->entry.link_len = link.len;
}

/* The entry is known: tells it, and goes on behind its data. */
static int tar_emit(struct tar *t, struct err *err)
{
	struct entry *e = &t->entry;
	int r = 0;

	e->data = t->offset;
	e->stored = t->left;
	if (t->ext.sparse) {
		r = tar_sparse_finish(&t->ext.map, e->size, e->stored, err);
		e->extents = t->ext.map.extents;
		e->extent_count = t->ext.map.count;
	}
	if (!r)
		r = t->on_entry(t->arg, e, err);
	tar_ext_reset(&t->ext);
	t->state = DATA;
	return r;
}

/* The map of a sparse file, as far as it is known by now; the entry is told when it is whole. */
static int begin_sparse(struct tar *t, const uint8_t *block, struct err *err)
{
	struct tar_ext *x = &t->ext;
	int64_t size = x->has_real_size ? x->real_size : (int64_t)t->left;
	int r = TAR_SPARSE_WHOLE;

	if (t->header.type == 'S') {
		if (t->header.format != TAR_GNU)
			return err_set(err, EBADMSG, "sparse file in a header that is not GNU's");
		if (!tar_header_number(block + TAR_GNU_REALSIZE, 12, &size))
			return err_set(err, EBADMSG, "malformed number in a tar header");
		tar_sparse_reset(&x->map);
		x->sparse = true;
		r = tar_sparse_add_header(&x->map, block, err);
		t->state = SPARSE_OLD;
	} else if (x->sparse_1_0) {
		r = TAR_SPARSE_MORE;
		t->state = SPARSE_1_0;
	}
	if (size < 0 || !has_data(t->header.type))
		return err_set(err, EBADMSG, "malformed sparse file");
	t->entry.size = (uint64_t)size;
	if (r)
		return r == TAR_SPARSE_MORE ? 0 : r;
	return tar_emit(t, err);
}

static int begin_entry(struct tar *t, const uint8_t *block, struct err *err)
{
	struct tar_ext *x = &t->ext;
	struct tar_header *h = &t->header;
	int64_t size = x->has_size ? x->size : h->size; /* pax always wins */
	int r;

	take_names(t);
	if (!has_data(h->type))
		size = 0;
	if (size < 0 || size > INT64_MAX - TAR_BLOCK)
		return err_set(err, EBADMSG, "size %lld is out of range", (long long)size);
	t->left = (uint64_t)size;
	t->padding = padding_of(t->left);
	/*
	 * A type that is not known (GNU's volume labels and dump directories, Solaris's own
	 * extensions) has data by its size, as in Go, and names no file: containerd refuses the
	 * layer, we leave the entry out.
	 */
	if (h->type != '1' && !file_type(h->type)) {
		tar_ext_reset(x);
		t->state = DATA;
		return 0;
	}
	t->entry.mode = file_type(h->type) | ((uint32_t)h->mode & 07777);
	t->entry.size = h->type == '2' ? t->entry.link_len : t->left;
	t->entry.mtime = x->has_mtime ? x->mtime : h->mtime;
	t->entry.mtime_ns = x->has_mtime ? x->mtime_ns : 0;
	t->entry.dev_major = t->entry.dev_minor = 0;
	t->entry.extents = NULL;
	t->entry.extent_count = 0;
	t->entry.xattrs = x->xattrs;
	t->entry.xattr_count = x->xattr_count;
	r = take_owner(t, err);
	if (r)
		return r;
	return x->sparse || h->type == 'S' ? begin_sparse(t, block, err) : tar_emit(t, err);
}

static struct buf *extension_buf(struct tar *t, char type)
{
	switch (type) {
	case 'x':
	case 'g':
		return &t->ext.pax;
	case 'L':
		return &t->ext.name;
	case 'K':
		return &t->ext.link;
	default:
		return NULL;
	}
}

static int begin_extension(struct tar *t, struct err *err)
{
	if (t->header.size < 0 || t->header.size > TAR_EXT_MAX)
		return err_set(err, EBADMSG, "extension header of %lld bytes",
			       (long long)t->header.size);
	t->extension = t->header.type;
	buf_reset(extension_buf(t, t->extension));
	t->left = (uint64_t)t->header.size;
	t->padding = padding_of(t->left);
	t->state = EXTENSION;
	return 0;
}

/*
 * A global header is checked and then ignored, together with what extension headers said before it:
 * Go does not apply its records to entries, so what runs in containers never saw them either.
 */
static int end_extension(struct tar *t, struct err *err)
{
	int r = 0;

	t->ext.any = true;
	if (t->extension == 'x' || t->extension == 'g')
		r = tar_ext_pax(&t->ext, err);
	if (t->extension == 'g')
		tar_ext_reset(&t->ext);
	t->state = DATA; /* its padding */
	return r;
}

static int take_header(struct tar *t, const uint8_t *block, struct err *err)
{
	int r;

	if (tar_header_is_zero(block)) {
		if (t->zero_block)
			t->state = END;
		t->zero_block = true;
		return 0;
	}
	if (t->zero_block)
		return err_set(err, EBADMSG, "a header behind a block of zeros");
	r = tar_header_parse(block, &t->header, err);
	if (r)
		return r;
	return extension_buf(t, t->header.type) ? begin_extension(t, err)
						: begin_entry(t, block, err);
}

static int take_block(struct tar *t, const uint8_t *block, struct err *err)
{
	int r;

	switch (t->state) {
	case SPARSE_OLD:
		r = tar_sparse_add_block(&t->ext.map, block, err);
		break;
	case SPARSE_1_0:
		if (t->left < TAR_BLOCK)
			return err_set(err, EBADMSG, "sparse map longer than its file");
		t->left -= TAR_BLOCK;
		r = tar_sparse_add_text(&t->ext.map, block, err);
		break;
	default:
		return take_header(t, block, err);
	}
	if (r)
		return r == TAR_SPARSE_MORE ? 0 : r;
	return tar_emit(t, err);
}

/* A block's worth of the input, or what there is of it; the bytes taken. */
static ssize_t feed_block(struct tar *t, const uint8_t *data, size_t len, struct err *err)
{
	size_t n = TAR_BLOCK - t->block_len;
	int r;

	assert(t->block_len < TAR_BLOCK);
	if (n > len)
		n = len;
	t->offset += n;
	if (n < TAR_BLOCK) {
		memcpy(t->block + t->block_len, data, n);
		t->block_len += n;
		if (t->block_len < TAR_BLOCK)
			return (ssize_t)n;
		data = t->block;
		t->block_len = 0;
	}
	r = take_block(t, data, err);
	return r ? r : (ssize_t)n;
}

static ssize_t feed_extension(struct tar *t, const uint8_t *data, size_t len, struct err *err)
{
	struct buf *to = extension_buf(t, t->extension);
	size_t n = len < t->left ? len : (size_t)t->left;
	int r;

	assert(to);
	buf_append(to, data, n);
	if (buf_failed(to))
		return err_nomem(err);
	t->left -= n;
	t->offset += n;
	r = t->left ? 0 : end_extension(t, err);
	return r ? r : (ssize_t)n;
}

static ssize_t feed_data(struct tar *t, size_t len)
{
	size_t n = len < t->left ? len : (size_t)t->left, pad = len - n;

	assert(t->padding < TAR_BLOCK);
	t->left -= n;
	if (t->left == 0) {
		if (pad > t->padding)
			pad = t->padding;
		t->padding -= (uint32_t)pad;
		n += pad;
		if (t->padding == 0)
			t->state = HEADER;
	}
	t->offset += n;
	return (ssize_t)n;
}

static ssize_t feed_some(struct tar *t, const uint8_t *data, size_t len, struct err *err)
{
	switch (t->state) {
	case EXTENSION:
		return feed_extension(t, data, len, err);
	case DATA:
		return feed_data(t, len);
	case END:
		return (ssize_t)len;
	default:
		return feed_block(t, data, len, err);
	}
}

int tar_feed(struct tar *t, const void *data, size_t len, struct err *err)
{
	const uint8_t *at = data;

	if (t->failed)
		return err_set(err, -t->failed, "the archive was malformed before");
	while (len > 0) {
		ssize_t n = feed_some(t, at, len, err);

		if (n < 0) {
			t->failed = (int)n;
			err_context(err, "tar archive, before byte %llu",
				    (unsigned long long)t->offset);
			return t->failed;
		}
		assert((size_t)n <= len);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

uint64_t tar_offset(const struct tar *t, bool *ended)
{
	*ended = t->state == END;
	return t->offset;
}

int tar_finish(struct tar *t, struct err *err)
{
	bool whole = t->state == HEADER && t->block_len == 0 && !t->ext.any;

	if (t->failed)
		return err_set(err, -t->failed, "the archive was malformed before");
	/* The padding behind the last file may be missing, as in Go. */
	if (t->state == DATA && t->left == 0 && !t->ext.any)
		whole = true;
	if (t->state != END && !whole)
		return err_set(err, EBADMSG,
			       "tar archive: ends in the middle of an entry (byte %llu)",
			       (unsigned long long)t->offset);
	return 0;
}

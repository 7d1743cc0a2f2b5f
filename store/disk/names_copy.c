/* SPDX-License-Identifier: MIT */
#include "store/disk/names_private.h"

#include "store/base/io.h"
#include "store/base/xxh.h"
#include "store/disk/layout.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define COPY_PATH    "derived/names"
#define COPY_MAGIC   "imagefsN"
#define COPY_VERSION 1

/* In front of the bytes of index.json. */
struct copy_header {
	char magic[8];
	uint32_t version;
	uint32_t exact; /* 0 or 1 */
	int64_t mtime_s;
	uint64_t mtime_ns;
	uint64_t check; /* XXH3-64 of the bytes, seeded by that of the header with 0 here */
};
static_assert(sizeof(struct copy_header) == 40, "the copy's layout on disk");

static uint64_t check_of(struct copy_header h, const void *text, size_t len)
{
	h.check = 0;
	return XXH3_64bits_withSeed(text, len, XXH3_64bits(&h, sizeof(h)));
}

void names_copy_clear(struct names_copy *c)
{
	buf_free(&c->text);
}

int names_copy_read(struct store *s, struct names_copy *out)
{
	autobuf all = BUF_INIT;
	struct copy_header h;
	int r = store_writable(s, NULL);

	if (!r)
		r = io_read_file(store_dirfd(s), COPY_PATH, sizeof(h) + LAYOUT_INDEX_MAX, &all,
				 NULL);
	if (r)
		return r;
	if (all.len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, all.data, sizeof(h));
	if (memcmp(h.magic, COPY_MAGIC, sizeof(h.magic)) != 0 || h.version != COPY_VERSION ||
	    h.check != check_of(h, all.data + sizeof(h), all.len - sizeof(h)))
		return -EBADMSG;
	*out = (struct names_copy){
	    .mtime = {.tv_sec = h.mtime_s, .tv_nsec = (long)h.mtime_ns},
	    .exact = h.exact,
	    .text = all,
	};
	all = (struct buf)BUF_INIT;
	out->text.len -= sizeof(h);
	memmove(out->text.data, out->text.data + sizeof(h), out->text.len + 1);
	return 0;
}

/* Not synced: what a power cut leaves of it fails its check. */
static int copy_publish(struct store *s, const struct copy_header *h, const void *text, size_t len)
{
	struct io_tmp t;
	int r = io_tmp_open(store_dirfd(s), COPY_PATH, 0600, &t, NULL);

	if (r)
		return r;
	r = io_write_all(t.fd, h, sizeof(*h), NULL);
	if (!r)
		r = io_write_all(t.fd, text, len, NULL);
	if (!r)
		return io_tmp_rename(&t, COPY_PATH, NULL);
	io_tmp_abort(&t);
	return r;
}

void names_copy_write(struct store *s, const void *text, size_t len, const struct stat *file,
		      bool exact)
{
	struct copy_header h = {.version = COPY_VERSION,
				.exact = exact,
				.mtime_s = file->st_mtim.tv_sec,
				.mtime_ns = (uint64_t)file->st_mtim.tv_nsec};

	memcpy(h.magic, COPY_MAGIC, sizeof(h.magic));
	h.check = check_of(h, text, len);
	if (copy_publish(s, &h, text, len) < 0)
		unlinkat(store_dirfd(s), COPY_PATH, 0);
}

void names_put_aside(struct store *s)
{
	unlinkat(store_dirfd(s), NAMES_DAMAGED, 0);
	if (linkat(store_dirfd(s), NAMES_PATH, store_dirfd(s), NAMES_DAMAGED, 0) < 0)
		return; /* it is missing, or the disk has no links */
}

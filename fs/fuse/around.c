/* SPDX-License-Identifier: MIT */
#include "fs/fuse/around.h"

#include "fs/core/fs.h"
#include "fs/fuse/ahead.h"

#define PAGE 4096u

/* The file's bytes in front of `offset` that lie in front of the piece in its span, too: whole
 * pages. */
static size_t length_before(const struct tree *t, uint32_t node, uint64_t offset,
			    const struct layer_bytes *b)
{
	size_t len = b->before < offset ? b->before : (size_t)offset;
	struct tree_run here, run;

	len = len / PAGE * PAGE;
	if (!len || offset % PAGE || tree_map(t, node, offset, 1, &here) < 0 ||
	    tree_map(t, node, offset - len, len, &run) < 0 || run.hole || run.length < len ||
	    run.archive + len != here.archive)
		return 0;
	return len;
}

static void store_behind(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
			 size_t len)
{
	struct stat st;

	if (tree_stat(view_tree(w), node, &st) < 0 || offset >= (uint64_t)st.st_size)
		return;
	if (len < (uint64_t)st.st_size - offset)
		len = len / PAGE * PAGE;
	if (len > 0 && offset % PAGE == 0)
		ahead_store_range(fs, w, node, offset, len);
}

void around_store(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
		  const struct view_data *d)
{
	const struct kernel *k = fs->kernel;

	k->go_on(k);
	for (size_t i = 0; i < d->count; offset += d->iov[i++].iov_len) {
		const struct layer_bytes *b = &d->held[i];
		size_t len = length_before(view_tree(w), node, offset, b);
		const struct iovec iov = {(uint8_t *)b->data - len, len};

		if (len && k->store_pages(k, view_ino(w, node), offset - len, &iov, 1) == 0 &&
		    b->after)
			store_behind(fs, w, node, offset + b->len, b->after);
	}
}

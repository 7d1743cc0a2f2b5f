/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_cut.h"

#include <unistd.h>

void ctl_cut_clear(struct ctl_cut *c)
{
	buf_free(&c->kept);
}

/* What is kept belongs to what stands right behind it. */
static void part_lines(struct ctl_cut *c, uint64_t offset, struct buf *text)
{
	if (text->len && offset != c->end)
		buf_putc(text, '\n');
}

bool ctl_cut_keep(struct ctl_cut *c, uint64_t offset, const char *data, size_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!len || data[len - 1] == '\n' || offset % page == 0 || (offset + len) % page)
		return false;
	part_lines(c, offset, &c->kept);
	buf_append(&c->kept, data, len);
	c->end = offset + len;
	return true;
}

bool ctl_cut_join(struct ctl_cut *c, uint64_t offset, const char *data, size_t len,
		  struct buf *text)
{
	bool any = c->kept.len > 0;

	buf_append(text, c->kept.data, c->kept.len);
	text->failed |= buf_failed(&c->kept);
	buf_free(&c->kept);
	part_lines(c, offset, text);
	buf_append(text, data, len);
	return any;
}

int ctl_cut_again(struct ctl_cut *c, uint64_t offset)
{
	int r = c->again_at == offset ? c->again : 0;

	c->again = 0;
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * Requests that the kernel cut. A write(2) that crosses the border of a page without beginning at
 * one comes as two WRITEs. In a loop of echos one write(2) every 4096 bytes is cut, in the middle of
 * a word. The first WRITE then ends exactly at the border and has no newline. It is kept and joined to
 * the next WRITE. A complete write(2) may look the same: it is kept, too, and runs when somebody
 * reads the answer, or at the latest when the kernel forgets the file.
 *
 * Where the second part fails, the kernel tells the writer only that the first part was written. The
 * writer writes the rest once more, and gets the errno then. Not thread safe.
 */
#ifndef FS_CTL_CUT_H
#define FS_CTL_CUT_H

#include "store/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct ctl_cut {
	struct buf kept;   /* owned */
	uint64_t end;	   /* offset behind what is kept */
	int again;	   /* -errno of what failed behind something kept, or 0 */
	uint64_t again_at; /* offset of its WRITE */
};

void ctl_cut_clear(struct ctl_cut *c);

/* True where the WRITE may be only the first part of a write(2); then it is kept. */
bool ctl_cut_keep(struct ctl_cut *c, uint64_t offset, const char *data, size_t len);

/* Appends what was kept and the data to the text; nothing is kept any more. True where there was
 * something. */
bool ctl_cut_join(struct ctl_cut *c, uint64_t offset, const char *data, size_t len,
		  struct buf *text);

/* The -errno that the WRITE at the offset gets without being looked at, or 0. */
int ctl_cut_again(struct ctl_cut *c, uint64_t offset);

#endif

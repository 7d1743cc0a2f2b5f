/* SPDX-License-Identifier: MIT */
/*
 * What a READ has decoded besides what it wanted. A span is decoded from its start, so a READ in
 * the middle of a large file, as a program's start and random reads have them, decodes what lies in
 * front of it in the file, too. That is stored in the kernel's cache, and so is what the span has
 * of the file behind it: the program comes back to most of it, and finds it there. Where the span
 * was decoded already, nothing is stored. Nor is it for a reader that goes on from READ to READ.
 * Thread safe.
 */
#ifndef FS_AROUND_H
#define FS_AROUND_H

#include "fs/tree/view.h"

/* To be called behind the answer of a READ at `offset` that has jumped (ahead.h), whose data are
 * held yet. */
void around_store(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
		  const struct view_data *d);

#endif

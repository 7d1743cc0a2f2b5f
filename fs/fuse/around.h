/* SPDX-License-Identifier: MIT */
/*
 * What a READ has decoded besides what it wanted. A span is decoded from its start. So a READ in the
 * middle of a large file (a program's start, random reads) also decodes what lies in
 * front of it in the file. That is stored in the kernel's cache, and so is what the span has of the
 * file behind the READ: the program comes back to most of it, and finds it there. Nothing is stored
 * where the span was decoded already, or for a reader that goes on from READ to READ.
 * Thread safe.
 */
#ifndef FS_AROUND_H
#define FS_AROUND_H

#include "fs/tree/view.h"

/* To be called behind the answer of a READ at `offset` that has jumped (ahead.h). `d` is what was
 * answered; the caller still holds it. */
void around_store(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
		  const struct view_data *d);

#endif

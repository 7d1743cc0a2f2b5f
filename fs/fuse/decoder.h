/* SPDX-License-Identifier: MIT */
/*
 * Threads that decode parts of layers before they are wanted: a reader, or a thread that stores
 * them, finds them decoded while another processor is at the next ones. What comes when all threads
 * are busy is dropped: its reader decodes it. Thread safe.
 */
#ifndef FS_DECODER_H
#define FS_DECODER_H

#include "fs/tree/view.h"
#include "store/base/err.h"

struct decoder;
int decoder_open(struct fs *fs, struct decoder **out, struct err *err);
void decoder_close(struct decoder *d); /* waits for what is under way; NULL is allowed */

/* What lies at an offset of a layer's archive (the layer by its number in the view's tree). The
 * view stays meanwhile. */
void decoder_want(struct decoder *d, struct view *w, uint32_t layer, uint64_t archive);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Threads that decode parts of layers before they are wanted: a reader, or a thread that stores
 * them, finds them decoded while another processor is at the next ones. A few parts wait for a
 * thread; any further one is dropped, and its reader decodes it. Thread safe.
 */
#ifndef FS_DECODER_H
#define FS_DECODER_H

#include "fs/tree/view.h"
#include "store/base/err.h"

struct decoder;
int decoder_open(struct fs *fs, struct decoder **out, struct err *err);
void decoder_close(struct decoder *d); /* waits for what is under way; NULL is allowed */

/* Has the span at an offset of a layer's archive decoded. `layer` is its number in the view's tree. The
 * view is held meanwhile. */
void decoder_want(struct decoder *d, struct view *w, uint32_t layer, uint64_t archive);

#endif

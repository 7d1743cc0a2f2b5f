/* SPDX-License-Identifier: MIT */
/*
 * derived/layers/HEX.frames: parts of an archive that lie too far behind a seek point are compressed
 * again here, as zstd frames of their own. The file is made at the first frame. One thread at a
 * time.
 */
#ifndef STORE_FRAMES_H
#define STORE_FRAMES_H

#include "store/layer/layer_format.h"
#include "store/base/mem.h"
#include "store/disk/store.h"

#include <stdbool.h>

struct frames;
int frames_open(struct store *s, struct frames **out, struct err *err);
uint64_t frames_size(const struct frames *f);  /* bytes so far: where the next frame begins */
uint64_t frames_check(const struct frames *f); /* XXH3-64 of the bytes so far */
int frames_write(struct frames *f, const void *data, size_t len, bool end_of_frame,
		 struct err *err);
int frames_publish(struct frames *f, const struct digest *blob, struct err *err);
void frames_close(struct frames *f); /* removes a file that was not published; NULL is allowed */
DEFINE_AUTO(struct frames, frames_close)

#endif

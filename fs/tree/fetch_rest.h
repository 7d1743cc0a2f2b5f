/* SPDX-License-Identifier: MIT */
/*
 * fetch=background: what nobody has asked for yet of layers that are read by their tables comes
 * behind what is asked for.
 */
#ifndef FS_FETCH_REST_H
#define FS_FETCH_REST_H

#include "fs/core/fs.h"
#include "fs/tree/repo_image.h"

/* Starts the job for an image, where there is none. Nobody waits for it. */
void fetch_rest(struct fs *fs, struct repo_image *i);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What nobody has asked for yet of layers that are read by their tables comes behind what is asked
 * for: all of it with fetch=background, else what the image's author has marked as wanted first.
 */
#ifndef FS_FETCH_REST_H
#define FS_FETCH_REST_H

#include "fs/core/fs.h"
#include "fs/tree/repo_image.h"

/* Starts the job for an image, where there is none. Nobody waits for it. */
void fetch_rest(struct fs *fs, struct repo_image *i);

/* The same, of each layer no more than what lies in front of its landmark (store/lazy/lazy.h). */
void fetch_rest_early(struct fs *fs, struct repo_image *i);

#endif

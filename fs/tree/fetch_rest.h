/* SPDX-License-Identifier: MIT */
/*
 * The job that brings bytes of lazily read layers which nobody has asked for: with fetch=background
 * all of them, else those that the image's author has marked as wanted first. It gives way to readers,
 * and leaves out a layer that does not fit below cache_max.
 */
#ifndef FS_FETCH_REST_H
#define FS_FETCH_REST_H

#include "fs/core/fs.h"
#include "fs/tree/repo_image.h"

/* Starts the job for an image, where there is none. Nobody waits for it. */
void fetch_rest(struct fs *fs, struct repo_image *i);

/* The same, but only what lies in front of each layer's landmark (store/lazy/lazy.h). */
void fetch_rest_early(struct fs *fs, struct repo_image *i);

#endif

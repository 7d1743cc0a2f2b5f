/* SPDX-License-Identifier: MIT */
/*
 * The ways to read all of an image. Each reader begins with another folder of it, so that those of
 * the same image are not in step. What they find they tell (known.h); they return at the end of the
 * image, or soon after they are told to stop.
 */
#ifndef TESTS_PASS_H
#define TESTS_PASS_H

#include "known.h"

#include <sys/types.h>

#define LARGE 3 /* images with one of which a reader begins */

void pass_walk(struct reader *r, struct image *image); /* as tar does it */
void pass_mapped(struct reader *r, struct image *image);
void pass_attributes(struct reader *r, struct image *image);
void pass_backwards(struct reader *r, struct image *image);
void pass_shuffled(struct reader *r, struct image *image);
void pass_tar(struct reader *r, struct image *image); /* the real one */

/* A whole file. */
void read_file(struct reader *r, const struct image *image, const struct file *f);

/* Who comes again asks for all of it again, as he did the first time. */
void drop_pages(const struct reader *r, struct image *image);

bool stopped(const struct reader *r);

/* With its output; it ends with its parent. */
pid_t start_program(char *const *arguments, int out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Blobs whose bytes proved wrong when they were read: by the checks of a part of them, or by their digest. Each has
 * a file, derived/damaged/HEX, so that the next pull knows, also of another process. What is right of such a
 * blob is read on until another one takes its place. Thread safe.
 */
#ifndef STORE_DAMAGE_H
#define STORE_DAMAGE_H

#include "store/base/digest.h"
#include "store/disk/store.h"

#include <stdbool.h>

#define DAMAGE_DIRECTORY "derived/damaged"

/* A layout that is not ours to change gets no marks: nothing of it can be mended here. A mark that cannot be
 * written is made by the next reader. */
void damage_mark(struct store *s, const struct digest *blob);
bool damage_is_marked(struct store *s, const struct digest *blob);

/* The hash of all bytes of its file: -EBADMSG, and the mark, where they are not the blob. */
int damage_check(struct store *s, const struct digest *blob, struct hash *hash, struct err *err);

/* The blob has been published anew, or was read through and is right. */
void damage_clear(struct store *s, const struct digest *blob);

#endif

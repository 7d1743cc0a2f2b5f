/* SPDX-License-Identifier: MIT */
/*
 * Blobs whose bytes proved wrong when they were read, by their digest or by the checks of some of
 * them. Each has a file derived/damaged/HEX, so that the next pull of any process knows. The right
 * bytes of such a blob are still read until a new one takes its place. Thread safe.
 */
#ifndef STORE_DAMAGE_H
#define STORE_DAMAGE_H

#include "store/base/digest.h"
#include "store/disk/store.h"

#include <stdbool.h>

#define DAMAGE_DIRECTORY "derived/damaged"

/* Marks the blob. A layout that is not ours to change gets no marks, as we cannot mend it. A mark that
 * cannot be written is left to the next reader. */
void damage_mark(struct store *s, const struct digest *blob);
bool damage_is_marked(struct store *s, const struct digest *blob);

/* Ends the hash, which has seen all bytes of the blob's file. -EBADMSG: they are not the blob, which
 * is marked now. */
int damage_check(struct store *s, const struct digest *blob, struct hash *hash, struct err *err);

/* Removes the mark: the blob was published anew, or all of it was read and is right. */
void damage_clear(struct store *s, const struct digest *blob);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The directories and small files that make a directory a store: they are checked, made, and
 * cleaned of what a killed process left. Used by store_open, and by the collection of garbage.
 * Thread safe: no state.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "store/base/err.h"

#include <stdbool.h>

#define LAYOUT_INDEX_MAX (64u << 20) /* bytes of index.json: some 100,000 names */

/*
 * Changes nothing. Sets *complete to true for an OCI image layout of version 1.0.0, and to false
 * for a directory that may become one (empty, or left by a creation that was killed). index.json is
 * left to names_index. -ENOTEMPTY: a directory of something else; others as for store_open.
 */
int layout_check(int dirfd, bool *complete, struct err *err);

/* Makes what is missing (`complete`: as layout_check gave it); under the store's lock. oci-layout comes
 * last: without it a creation was killed. -EACCES and the like: a directory cannot be written. */
int layout_create(int dirfd, bool complete, struct err *err);

/* Removes temporary files that no living process holds, and partial blobs that are empty or that
 * nobody has added to for a week; what is held (held.h) stays. Best effort. */
void layout_sweep(int dirfd);

#endif

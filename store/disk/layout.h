/* SPDX-License-Identifier: MIT */
/*
 * The directories and small files that make a directory a store: looked at, made, and cleaned of
 * what a killed process left. Used by store_open, and by the collection of garbage. Thread safe: no
 * state.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "store/base/err.h"

#include <stdbool.h>

#define LAYOUT_INDEX_MAX (64u << 20) /* bytes of index.json: some 100,000 names */

/*
 * Changes nothing. 0: *complete tells whether it is an OCI image layout of version 1.0.0, or may become one (empty, or
 * left by a creation that was killed). At index.json names_index looks.
 * -ENOTEMPTY: a directory of something else; others as for store_open.
 */
int layout_check(int dirfd, bool *complete, struct err *err);

/* Makes what is missing; under the store's lock. oci-layout comes last, so that a creation that
 * was killed is known for one. */
int layout_create(int dirfd, bool complete, struct err *err);

/* Removes temporary files that no living process holds, and partial blobs that are empty or that
 * nobody has added to for a week. Best effort. */
void layout_sweep(int dirfd);

#endif

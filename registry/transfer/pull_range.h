/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a blob, from a registry into what the store holds of it in part. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_RANGE_H
#define REGISTRY_PULL_RANGE_H

#include "registry/transfer/pull.h"
#include "store/disk/held.h"

/* Fetches what is missing of the range. Where a server ignores ranges and sends all of the blob, nothing
 * is written twice. Nothing is verified. Where the disk is full, what came is dropped again. */
int pull_range(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	       struct byte_range range, struct held *held, struct err *err);

/* Fetches all that is missing of a blob of which something is held, so that the store has it whole.
 * -ENOENT: nothing is held. *spoilt: the bytes were not those of the digest, and have been removed. */
int pull_rest(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	      bool *spoilt, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What holds for every blob that is pulled into the store, whatever becomes of its bytes there: the
 * lease holds it first; one that a reader found damaged (store/disk/damage.h) is read through, and counts as missing where it
 * is; bytes that prove wrong are fetched once more, a full disk keeps no half of
 * it, and an error names it. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_ATTEMPT_H
#define REGISTRY_PULL_ATTEMPT_H

#include "registry/transfer/pull.h"

struct pull_attempt {
	const struct transfer *transfer;
	const struct ref *repository;
	const struct descriptor *blob;
	const char *kind; /* "layer", "blob": how the sentence of an error begins */
	/* One attempt at what is missing. *spoilt: the bytes that came are not those of the digest, and have gone;
	 * or those that were there are not, and have been marked. -EEXIST: another process has completed the blob. */
	int (*run)(const struct pull_attempt *a, bool *spoilt, struct err *err);
	const void *arg;
};

int pull_attempt(const struct pull_attempt *a, struct err *err);

#endif

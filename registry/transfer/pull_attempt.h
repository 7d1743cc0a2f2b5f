/* SPDX-License-Identifier: MIT */
/*
 * The rules for every blob that is pulled into the store, whatever becomes of its bytes there. The
 * lease holds it first. A blob that a reader found damaged (store/disk/damage.h) is read through, and
 * counts as missing if it is damaged. Bytes that prove wrong are fetched once more. A full disk keeps
 * no half of it. An error names it. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_ATTEMPT_H
#define REGISTRY_PULL_ATTEMPT_H

#include "registry/transfer/pull.h"

struct pull_attempt {
	const struct transfer *transfer;
	const struct ref *repository;
	const struct descriptor *blob;
	const char *kind; /* "layer", "blob": how the sentence of an error begins */
	/* One attempt at what is missing. *spoilt: bytes are not those of the digest; they have been
	 * removed if they came now, marked if they were there before. -EEXIST: another process has
	 * completed the blob. */
	int (*run)(const struct pull_attempt *a, bool *spoilt, struct err *err);
	const void *arg;
};

int pull_attempt(const struct pull_attempt *a, struct err *err);

#endif

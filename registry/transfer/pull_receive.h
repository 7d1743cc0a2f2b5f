/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a blob, from a registry to wherever they go. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_RECEIVE_H
#define REGISTRY_PULL_RECEIVE_H

#include "registry/transfer/pull.h"

/* Where the bytes go, in order. Both give 0 or -errno, which ends it. */
struct pull_sink {
	void *arg;
	int (*put)(void *arg, const char *data, size_t len, struct err *err);
	int (*restart)(void *arg, struct err *err); /* the first byte comes next, again */
};

/* Gives the sink the bytes of a range; where the server ignores that, a restart and all of the blob. The
 * transfer's watch is told of progress. */
int pull_receive(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
		 struct byte_range range, const struct pull_sink *sink, struct err *err);

#endif

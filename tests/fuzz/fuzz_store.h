/* SPDX-License-Identifier: MIT */
/* The store of a fuzz target, made once, in $TEST_DIR, else in /tmp. */
#ifndef TESTS_FUZZ_STORE_H
#define TESTS_FUZZ_STORE_H

#include "store/disk/store.h"

#include <stdio.h>
#include <stdlib.h>

static inline struct store *the_store(void)
{
	static struct store *store;
	static char path[256];
	const char *base = getenv("TEST_DIR");

	if (store)
		return store;
	snprintf(path, sizeof(path), "%s/imagefs-fuzz.XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(path) || store_open(path, &store, NULL) < 0)
		abort();
	return store;
}

#endif

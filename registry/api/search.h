/* SPDX-License-Identifier: MIT */
/*
 * docker search: Docker Hub's search API, or the same API of another host. Where a host has none, the
 * names of its catalog (_catalog) that contain the term. Blocks; thread safe.
 */
#ifndef REGISTRY_SEARCH_H
#define REGISTRY_SEARCH_H

#include "registry/api/registry.h"

#define SEARCH_LIMIT_MAX 100

struct search_result { /* lent for the call of `each` */
	const char *name, *description;
	uint64_t stars;
	bool official;
};

/* "redis" is searched at Docker Hub, "host:5000/redis" there; at most `limit` results, in the
 * registry's order. Errors as those of registry.h. */
int registry_search(struct registry *r, const char *term, unsigned limit, struct cancel *cancel,
		    int (*each)(void *arg, const struct search_result *result, struct err *err),
		    void *arg, struct err *err);

#endif

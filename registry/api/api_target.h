/* SPDX-License-Identifier: MIT */
/*
 * Where registries' redirects have led for blobs: storage that gives the bytes to whoever has the
 * URL, for a while. The next range of a blob goes there without asking the registry again. Kept in
 * memory alone and wiped, as such a URL is a permission: it holds for the repository, and for as
 * long as our credentials are the same. Thread safe.
 */
#ifndef REGISTRY_API_TARGET_H
#define REGISTRY_API_TARGET_H

#include "registry/wire/address.h"
#include "registry/wire/url.h"

struct api_target {
	struct url url;		  /* host NULL: none */
	enum address_reach reach; /* it may lie no further inside the network */
};
void api_target_clear(struct api_target *t);
#define autotarget __attribute__((cleanup(api_target_clear))) struct api_target

struct api_targets;
struct api_targets *api_targets_new(void); /* NULL: out of memory */
void api_targets_free(struct api_targets *t);

/* `key` names the endpoint, the repository and the blob; `generation` our credentials
 * (auth_generation). Gives a copy, which the caller clears; false: ask the registry. */
bool api_target_get(struct api_targets *t, const char *key, uint64_t generation,
		    struct api_target *out);
/* Keeps a copy; nothing where memory is out. */
void api_target_keep(struct api_targets *t, const char *key, uint64_t generation,
		     const struct api_target *target);
void api_target_drop(struct api_targets *t, const char *key);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Inside the client: the context that registry.h hands out. It is counted: each call and each open
 * stream holds it, so that registry_close() need not wait for those that it has just stopped.
 */
#ifndef REGISTRY_REGISTRY_PRIVATE_H
#define REGISTRY_REGISTRY_PRIVATE_H

#include "registry/auth/auth.h"
#include "registry/auth/hosts.h"
#include "registry/http/http.h"
#include "registry/api/api_target.h"
#include "registry/api/registry.h"

#include <stdatomic.h>

struct registry {
	atomic_uint refs;
	bool offline;
	struct http *http;
	struct hosts *hosts;
	struct auth *auth;
	struct api_targets *targets;
	_Atomic uint64_t retries, errors;
};

/* Begins a call: 0, and registry_put() ends it; or -ENETUNREACH while offline. */
int registry_enter(struct registry *r, const char *host, struct err *err);
/* Counts an error, for the statistics; returns `result`. */
int registry_result(struct registry *r, int result);
void registry_put(struct registry *r);
DEFINE_AUTO(struct registry, registry_put)

#endif

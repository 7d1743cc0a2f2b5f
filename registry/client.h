/* SPDX-License-Identifier: MIT */
/*
 * Inside the client: the context that registry.h hands out. It is counted: each call and each open
 * stream holds it, so that registry_close() need not wait for those that it has just stopped.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include "registry/auth.h"
#include "registry/hosts.h"
#include "registry/http.h"
#include "registry/registry.h"

struct registry {
	unsigned refs; /* atomic */
	bool offline;
	struct http *http;
	struct hosts *hosts;
	struct auth *auth;
	uint64_t retries, errors; /* atomic */
};

/* Counts a call in: 0, or -ENETUNREACH while offline. After 0 comes client_put(). */
int client_enter(struct registry *r, const char *host, struct err *err);
/* Counts an error, for the statistics; gives what it was given. */
int client_result(struct registry *r, int result);
void client_put(struct registry *r);
DEFINE_AUTO(struct registry, client_put)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Credential helpers: programs docker-credential-NAME that keep secrets, as docker
 * runs them. A helper runs for at most CRED_HELPER_SECONDS, says at most CRED_HELPER_OUTPUT
 * bytes, and inherits nothing but the environment.
 */
#ifndef REGISTRY_CRED_HELPER_H
#define REGISTRY_CRED_HELPER_H

#include "registry/auth/credential.h"
#include "registry/http/http.h"

#define CRED_HELPER_SECONDS 30
#define CRED_HELPER_OUTPUT  (64u << 10)

/* Asks for the credentials of a server. 0 with *out empty where it has none; -EACCES where it
 * fails, with its words. */
int cred_helper_get(const char *name, const char *server, struct http *http, struct cancel *cancel,
		    struct credential *out, struct err *err);

/* Makes the helper keep, or forget, the credentials of a server. -EACCES with its words where it fails.
 * Erase gives 0 also where it has none. */
int cred_helper_store(const char *name, const char *server, const struct credential *c,
		      struct http *http, struct cancel *cancel, struct err *err);
int cred_helper_erase(const char *name, const char *server, struct http *http,
		      struct cancel *cancel, struct err *err);

#endif

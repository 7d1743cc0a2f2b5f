/* SPDX-License-Identifier: MIT */
/*
 * Credentials, from where docker and podman keep them. With auth=FILE that file is the only one. Else
 * the first of these that has some for the registry counts: the store's auth.json,
 * $DOCKER_AUTH_CONFIG, docker's config.json, $REGISTRY_AUTH_FILE, containers' auth.json in the runtime
 * directory and in ~/.config. In a file credHelpers comes first, then credsStore, then auths; where a
 * helper has nothing, or fails, the next is asked. Nothing is kept: the files are read at each question,
 * which is rare (a token is asked for), and never written. Thread safe.
 */
#ifndef REGISTRY_CREDS_H
#define REGISTRY_CREDS_H

#include "registry/auth/credential.h"
#include "registry/http/http.h"
#include "store/base/json.h"

#define CREDS_HUB_KEY "https://index.docker.io/v1/"

struct creds;
int creds_open(const char *auth_file, const char *store_auth_file, struct creds **out,
	       struct err *err);
void creds_close(struct creds *c);

/* The credentials that are stored for a registry ("docker.io", "localhost:5000": host and port must be
 * the same) or, in containers' files, for a namespace above the repository's path, the longest first. 0
 * with *out empty: there are none. -EACCES: there are none, and the sentence names a file or helper that
 * failed. Where another one has some, such a failure is only logged. */
int creds_get(struct creds *c, const char *registry, const char *path, struct http *http,
	      struct cancel *cancel, struct credential *out, struct err *err);

/* A number that changes when one of the files does: tokens that were got by them may not hold then. */
uint64_t creds_generation(const struct creds *c);

/* Looks a registry up in one document (pure): the entry of auths, or the name of its helper
 * (*helper is owned by the caller; NULL where auths decides), and the key to ask the helper by. */
int creds_find(const struct json_object *doc, const char *registry, const char *path,
	       struct credential *out, char **helper, struct err *err);
const char *creds_server_key(const char *registry);

/* The file that a login is written to: auth=FILE, or the store's. Borrowed. */
const char *creds_file(const struct creds *c);

/* The helper that some file has for a registry's credentials: *out is owned by the caller, NULL for
 * none. */
int creds_helper(struct creds *c, const char *registry, char **out, struct err *err);

#endif

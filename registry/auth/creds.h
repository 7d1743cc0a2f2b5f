/* SPDX-License-Identifier: MIT */
/*
 * Credentials, from where docker and podman keep them. In this order, the first that has some for a
 * registry: the store's auth.json, $DOCKER_AUTH_CONFIG, docker's config.json, $REGISTRY_AUTH_FILE,
 * containers' auth.json in the runtime directory and in ~/.config; or auth=FILE alone. In a file:
 * credHelpers, credsStore, auths; what a helper does not have, or fails to give, the others may. Nothing is kept: files are read at each question, which is rare
 * (a token is asked for), and never written. Thread safe.
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

/* What is stored for a registry ("docker.io", "localhost:5000": host and port must be the same) or,
 * in containers' files, for a namespace above the repository's path, the longest first. 0 with *out
 * empty: nothing. -EACCES: nothing, and a file or a helper is at fault; it is named. Where another
 * one has some, the fault is logged. */
int creds_get(struct creds *c, const char *registry, const char *path, struct http *http,
	      struct cancel *cancel, struct credential *out, struct err *err);

/* A number that changes when one of the files does: what was had by them may not hold any more. */
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

/* SPDX-License-Identifier: MIT */
/*
 * docker login and docker logout. Credentials are kept in docker's format, in auth=FILE or the
 * store's auth.json (0600), or by the credential helper that one of the files names for the
 * registry; then the file has an empty entry. Blocks; thread safe, also among processes.
 */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include "registry/auth/credential.h"
#include "registry/api/registry.h"

/*
 * Asks the registry whether it takes a name and password, and only then keeps them. `server` is a
 * host ("localhost:5000"), with or without scheme and path, or NULL for Docker Hub. *file, which
 * the caller frees, is the file that has them unencrypted; NULL: a helper has them. -EACCES where the
 * registry or a helper refuses them; nothing that was kept before is lost then.
 */
int login(struct registry *r, const char *server, const struct credential *c, struct cancel *cancel,
	  char **file, struct err *err);

/* Asks the registry whether it takes the credentials that are kept for it. *user, which the caller frees,
 * is their user. -ENOENT where none are kept. */
int login_stored(struct registry *r, const char *server, struct cancel *cancel, char **user,
		 struct err *err);

/* Forgets what is kept for the server; 0 also where that is nothing. */
int logout(struct registry *r, const char *server, struct cancel *cancel, struct err *err);

/* What docker calls a server: "localhost:5000", or Docker Hub's URL; the caller frees it. */
int login_server(const char *server, char **out, struct err *err);

#endif

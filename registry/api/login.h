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
 * the caller frees, is set where they are kept in a file as they are. -EACCES where they are
 * refused, by the registry or a helper; nothing that was kept before is lost then.
 */
int login(struct registry *r, const char *server, const struct credential *c, struct cancel *cancel,
	  char **file, struct err *err);

/* Asks the registry whether it takes what is kept for it already; *user, which the caller frees, is
 * whose that is. -ENOENT where nothing is kept. */
int login_stored(struct registry *r, const char *server, struct cancel *cancel, char **user,
		 struct err *err);

/* Forgets; what is not there is forgotten well. */
int logout(struct registry *r, const char *server, struct cancel *cancel, struct err *err);

/* What docker calls a server: "localhost:5000", or Docker Hub's URL; the caller frees it. */
int login_server(const char *server, char **out, struct err *err);

#endif

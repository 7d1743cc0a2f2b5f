/* SPDX-License-Identifier: MIT */
/*
 * A credential for a registry: a name and password, or a token. Wiped when cleared.
 */
#ifndef REGISTRY_CREDENTIAL_H
#define REGISTRY_CREDENTIAL_H

#include <stdbool.h>

/* All owned, NULL where there is none. Either name and password, or one of the
 * tokens (the identity token with or without a name). */
struct credential {
	char *username, *password;
	char *identity_token; /* OAuth2 refresh token */
	char *registry_token; /* a Bearer token as it is */
};
void credential_clear(struct credential *c);
bool credential_empty(const struct credential *c);
#define autocredential __attribute__((cleanup(credential_clear))) struct credential

#endif

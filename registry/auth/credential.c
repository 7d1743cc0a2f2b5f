/* SPDX-License-Identifier: MIT */
#include "registry/auth/credential.h"

#include "registry/wire/secret.h"

void credential_clear(struct credential *c)
{
	secret_free(c->username);
	secret_free(c->password);
	secret_free(c->identity_token);
	secret_free(c->registry_token);
	*c = (struct credential){0};
}

bool credential_empty(const struct credential *c)
{
	return !c->identity_token && !c->registry_token && !(c->username && c->password);
}

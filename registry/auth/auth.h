/* SPDX-License-Identifier: MIT */
/*
 * Who may ask: turns a registry's challenges into Authorization fields, and keeps those per
 * (host, repository) until they end or the credential files change. Requests go out anonymously
 * until a registry asks for more. Owns tokens; thread safe.
 *
 * Where a password goes: to the registry itself (Basic), and to a token server only if it has the
 * registry's host or lies in its domain (auth_trusts). Any other token server is asked anonymously.
 * A token goes to the registry that asked for it, nowhere else.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "registry/auth/hosts.h"

struct auth;
int auth_open(const struct registry_options *o, struct http *http, struct hosts *hosts,
	      struct auth **out, struct err *err);
void auth_close(struct auth *a);

/* What permission is asked for. */
struct auth_scope {
	const char *registry;	/* the key of its credentials: "docker.io", "localhost:5000" */
	const char *repository; /* path: "library/redis" */
	bool push;		/* to write there, too */
	const char *from;	/* another repository to read, to mount a blob from; or NULL */
	/* For a login: only these are used, and nothing is kept. NULL: what is stored is used. */
	const struct credential *credential;
};

/* The field to send ("Authorization: …", secret_free()), or NULL: none is held. */
char *auth_field(struct auth *a, const struct auth_scope *s);

struct auth_question {
	struct auth_scope scope;
	const struct url *url;	  /* the one that was answered with 401 */
	enum address_reach reach; /* of the address that answered */
	const struct header_list *headers;
	const char *rejected; /* the field that was sent, or NULL */
	bool fresh;	      /* auth_answer had given that field for the same request */
	struct cancel *cancel;
};

/* Whether credentials are stored for the scope. False for a login, and where a file or helper fails. */
bool auth_has_stored(struct auth *a, const struct auth_scope *s, struct cancel *cancel);

/* The stored credentials; borrowed. */
struct creds *auth_creds(struct auth *a);

/* Drops all tokens and fields that are held. */
void auth_forget(struct auth *a);

/* A number that changes with the stored credentials, and with auth_forget(). */
uint64_t auth_generation(struct auth *a);

/* Answers a 401. *field (secret_free()) is NULL where there is nothing (else) to offer. */
int auth_answer(struct auth *a, const struct auth_question *q, char **field,
		struct retry_failure *f, struct err *err);

/* Whether a registry's password may go to a token server (pure): the same host, on any port; or a
 * name that is the registry's parent domain (of two labels or more), lies below that, or lies below
 * the registry's own name; or auth.docker.io for Docker Hub. Never from https to http. An address, or
 * a name of one label, has no domain: for it only the same host counts. */
bool auth_trusts(const struct url *registry, const struct url *realm);

#endif

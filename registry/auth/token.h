/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens (Docker registry v2 token authentication; its OAuth2 form for identity tokens): one
 * request to the token server that a challenge named. Keeps nothing; follows no redirect.
 */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "registry/auth/credential.h"
#include "registry/http/http.h"
#include "registry/wire/url.h"

#define TOKEN_MAX	   (32u << 10) /* bytes: it goes into a header */
#define TOKEN_LIFE_DEFAULT 60	       /* seconds, where the server says nothing */
#define TOKEN_LIFE_MAX	   86400

struct token_request {
	const struct url *realm;
	const char *service, *scope;	     /* NULL where not sent */
	const struct credential *credential; /* empty: anonymous */
	struct http_tls tls;
	enum address_reach reach;
	struct cancel *cancel;
};

struct token {
	char *value;	 /* owned: secret_free() */
	int64_t life_ms; /* from now */
};

/* -EACCES where the server refuses the credentials. f->silent is never set: it is about the registry,
 * and this is another server. */
int token_fetch(struct http *http, const struct token_request *q, struct token *out,
		struct retry_failure *f, struct err *err);

/* "Authorization: Basic …" of a name and its password; secret_free(). NULL: out of memory. */
char *token_basic(const struct credential *c);

/* The token in a server's answer (pure). */
int token_parse(const struct buf *body, time_t now, struct token *out, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a 401 asks for: the challenges of its WWW-Authenticate fields (RFC 9110, 11.6.1; several in
 * one field, several fields, token68, quoted strings), and the Bearer parameters of the docker
 * registry's token authentication. Pure.
 */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include "registry/wire/header.h"

#define CHALLENGE_MAX 8 /* in one answer; further ones are not read */

enum challenge_scheme { CHALLENGE_OTHER, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char *realm, *service, *scope, *error; /* owned; NULL where not sent */
};

struct challenge_list {
	struct challenge list[CHALLENGE_MAX];
	size_t count;
};
#define CHALLENGE_LIST_INIT                                                                        \
	{                                                                                          \
		.count = 0                                                                         \
	}

/* Reads all fields. A malformed challenge ends its field; those before it count. */
int challenge_parse(const struct header_list *h, struct challenge_list *out, struct err *err);
void challenge_clear(struct challenge_list *c);
#define autochallenges __attribute__((cleanup(challenge_clear))) struct challenge_list

/* The first of that scheme, or NULL. */
const struct challenge *challenge_find(const struct challenge_list *c,
				       enum challenge_scheme scheme);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * References as docker reads and writes them (github.com/distribution/reference): grammar, normal
 * form (docker.io/library/redis:latest) and familiar form (redis). Pure. Errors are docker's
 * sentences, -EINVAL.
 */
#ifndef STORE_REF_H
#define STORE_REF_H

#include "store/base/digest.h"
#include "store/base/err.h"

#include <stdbool.h>

struct ref {
	char *domain; /* owned: "docker.io", "localhost:5000" */
	char *path;   /* owned: "library/redis" */
	char *tag;    /* owned, or NULL */
	bool has_digest;
	struct digest digest;
};
#define REF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

/* Parses and normalises; adds "latest" if there is no tag and no digest. The caller clears *out. */
int ref_parse(const char *text, struct ref *out, struct err *err);
/* The same for a repository, which has no tag and no digest; adds none. */
int ref_parse_repository(const char *text, struct ref *out, struct err *err);
int ref_copy(struct ref *to, const struct ref *from, struct err *err);
/* A copy that has the digest instead of a tag: it names that document in the same repository. */
int ref_copy_by_digest(struct ref *to, const struct ref *from, const struct digest *digest,
		       struct err *err);
void ref_clear(struct ref *r);
#define autoref __attribute__((cleanup(ref_clear))) struct ref

/* Strings that the caller frees; NULL: out of memory. With a digest the tag is left out. */
char *ref_full(const struct ref *r);		    /* docker.io/library/redis:7, …@sha256:… */
char *ref_repository(const struct ref *r);	    /* docker.io/library/redis */
char *ref_familiar(const struct ref *r);	    /* redis:7, redis@sha256:… */
char *ref_familiar_repository(const struct ref *r); /* redis */

/* Whether a text is one part of a reference, for names that are looked up piece by piece. */
bool ref_is_tag(const char *text);	      /* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */
bool ref_is_path_component(const char *text); /* [a-z0-9]+ with its separators */
bool ref_is_domain(const char *text);	      /* docker takes it, before a slash, for a host */

#endif

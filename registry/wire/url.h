/* SPDX-License-Identifier: MIT */
/*
 * http and https URLs (RFC 3986), as far as a registry's client needs them: the parts, the
 * origin (scheme, host, port), and references against a base (Location, Link, realm). Pure.
 * URLs come from strangers: user names, controls, blanks and unknown schemes are refused
 * (-EPROTO), and no error repeats a query, which may be a signature. Ours, as curl's parser takes
 * more, and one strict parser decides where a request goes.
 */
#ifndef REGISTRY_URL_H
#define REGISTRY_URL_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define URL_MAX 8192 /* bytes; signed URLs of blob stores reach 2,000 */

struct url {
	bool tls;      /* https */
	char *host;    /* owned; lower case; an IPv6 address with its brackets */
	uint16_t port; /* the scheme's where none is written */
	char *target;  /* owned; path and query, begins with a slash; no fragment */
};
#define URL_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

int url_parse(const char *text, struct url *out, struct err *err);

/* A reference (absolute, //host/…, /path, path, ?query) seen from `base`. Dot segments stay. */
int url_resolve(const struct url *base, const char *reference, struct url *out, struct err *err);

int url_copy(struct url *to, const struct url *from, struct err *err);
void url_clear(struct url *u);
#define autourl __attribute__((cleanup(url_clear))) struct url

bool url_same_origin(const struct url *a, const struct url *b);

/* Strings that the caller frees; NULL: out of memory. The default port is left out. */
char *url_text(const struct url *u);
char *url_shown(const struct url *u);	  /* the same without the query, for errors */
char *url_authority(const struct url *u); /* host, or host:port */

/* Appends `text` as a component of a query, percent-encoded (RFC 3986, 2.3). */
void url_append_encoded(struct buf *b, const char *text);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Digests by the OCI image specification, "Digests" (descriptor.md): sha256 and
 * sha512, lower-case hex. A digest from outside is parsed into this struct before
 * it is used for anything; nothing makes a path of unparsed text.
 */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA512 };

struct digest {
	enum digest_algorithm algorithm;
	uint8_t bytes[64]; /* 32 of them for sha256, the rest zero */
};

#define DIGEST_HEX_MAX	 129 /* 128 digits and a NUL */
#define DIGEST_ID_DIGITS 12  /* hex digits of a short ID, as docker shows it */
#define DIGEST_TEXT_MAX	 136 /* "sha512:" and the digits */

/* Parses "sha256:<64 hex>" or "sha512:<128 hex>". -EINVAL: anything else, also another algorithm. */
int digest_parse(const char *text, struct digest *out, struct err *err);

/* The digest in the name of a file, HEX or HEX.SUFFIX. The number of digits tells the algorithm.
 * False: the name has no digest. */
bool digest_parse_name(const char *name, struct digest *out);

const char *digest_text(const struct digest *d,
			char text[static DIGEST_TEXT_MAX]);			 /* returns text */
const char *digest_hex(const struct digest *d, char hex[static DIGEST_HEX_MAX]); /* returns hex */
const char *digest_algorithm_name(const struct digest *d);			 /* "sha256" */
bool digest_equal(const struct digest *a, const struct digest *b);

/* A running hash. hash_open: -EIO where the cryptographic library lacks the algorithm. */
struct hash;
int hash_open(enum digest_algorithm algorithm, struct hash **out, struct err *err);
void hash_update(struct hash *h, const void *data, size_t len);
void hash_final(struct hash *h, struct digest *out); /* once; then only hash_close */
void hash_close(struct hash *h);		     /* NULL is allowed */
DEFINE_AUTO(struct hash, hash_close)

/* The digest of a buffer. */
int digest_of(enum digest_algorithm algorithm, const void *data, size_t len, struct digest *out,
	      struct err *err);

#endif

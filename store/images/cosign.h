/* SPDX-License-Identifier: MIT */
/*
 * Signatures of container images as cosign makes them (sigstore/cosign, specs/SIGNATURE_SPEC.md):
 * a signature over the bytes of a payload ("simple signing"), whose JSON claims the digest of a
 * manifest. Since cosign 3 they come in bundles: cosign_bundle.h. Only keys from files are known, no
 * certificates and no transparency log. Pure; several threads may use one key.
 */
#ifndef STORE_COSIGN_H
#define STORE_COSIGN_H

#include "store/base/digest.h"
#include "store/base/json.h"
#include "store/base/mem.h"

#define COSIGN_KEY_MAX	      65536  /* bytes of a key's file */
#define COSIGN_PAYLOAD_MAX    131072 /* bytes of a payload */
#define COSIGN_SIGNATURE_MAX  4096   /* bytes of a signature */
#define COSIGN_TYPE_PAYLOAD   "application/vnd.dev.cosign.simplesigning.v1+json"
#define COSIGN_TYPE_SIGNATURE "application/vnd.dev.cosign.artifact.sig.v1+json"
#define COSIGN_ANNOTATION     "dev.cosignproject.cosign/signature" /* base64 */

/* Reads a public key in PEM: ECDSA (P-256, P-384, P-521), RSA of 2,048 bits and more, or Ed25519.
 * -EINVAL: anything else. */
struct cosign_key;
int cosign_key_open(const char *pem, size_t len, struct cosign_key **out, struct err *err);
void cosign_key_close(struct cosign_key *k); /* NULL is allowed */
DEFINE_AUTO(struct cosign_key, cosign_key_close)

/* 0: the key's owner has signed these bytes; else -EBADMSG. Accepted are ECDSA with SHA-256 or the hash
 * of the curve's size, RSA with SHA-256 by PKCS #1 v1.5 or PSS, and Ed25519, plain or, from OpenSSL 3.2
 * on, over a SHA-512 (Ed25519ph, as cosign 3 signs). */
int cosign_verify(const struct cosign_key *k, const void *payload, size_t len,
		  const void *signature, size_t signature_len, struct err *err);

/* Reads a payload whose signature is good into *out, which the caller puts. -EBADMSG: it does not claim
 * this manifest, or lacks one of the annotations ("KEY=VALUE", NULL-terminated). */
int cosign_claim(const char *payload, size_t len, const struct digest *manifest,
		 char *const *annotations, struct json_object **out, struct err *err);

/* -EBADMSG: one of the wanted annotations ("KEY=VALUE", NULL-terminated; or NULL) is not in `all` (NULL:
 * none are). */
int cosign_check_annotations(const struct json_object *all, char *const *wanted, struct err *err);

#endif

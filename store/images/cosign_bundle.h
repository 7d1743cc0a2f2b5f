/* SPDX-License-Identifier: MIT */
/*
 * Signatures as cosign makes them from version 3 on: a sigstore bundle (sigstore/protobuf-specs,
 * sigstore_bundle.proto, versions 0.1 to 0.3), a JSON document that is the blob of an artifact which
 * refers to the image. It has either
 *
 *   - a DSSE envelope (secure-systems-lab/dsse): a signed in-toto statement, whose subject is the
 *     digest of the manifest and whose predicate's type is that of cosign's signatures, or
 *   - a message signature, over the bytes of the manifest themselves.
 *
 * As in cosign.h, the key is a file: certificates, logs and timestamps in a bundle are not looked
 * at. Pure.
 */
#ifndef STORE_COSIGN_BUNDLE_H
#define STORE_COSIGN_BUNDLE_H

#include "store/images/cosign.h"

#define COSIGN_BUNDLE_MAX                                                                          \
	524288 /* bytes of a bundle, with its certificates and the entries of a log */
#define COSIGN_TYPE_BUNDLE "application/vnd.dev.sigstore.bundle" /* how its types begin */
#define COSIGN_TYPE_CLAIM  "https://sigstore.dev/cosign/sign/v1" /* of the predicate */

struct cosign_bundle;
/* -EBADMSG: it is no bundle, has another version or form, or its base64 is malformed. */
int cosign_bundle_open(const char *text, size_t len, struct cosign_bundle **out, struct err *err);
void cosign_bundle_close(struct cosign_bundle *b); /* NULL is allowed */
DEFINE_AUTO(struct cosign_bundle, cosign_bundle_close)

/* True for a message signature: cosign_bundle_check needs the manifest itself as `document`. */
bool cosign_bundle_is_message(const struct cosign_bundle *b);

/* 0: the key's owner has signed that manifest, with these annotations ("KEY=VALUE", NULL-terminated);
 * else -EBADMSG. *out has all annotations of the signature, or is NULL; the caller puts it. */
int cosign_bundle_check(const struct cosign_bundle *b, const struct cosign_key *k,
			const struct digest *manifest, const void *document, size_t document_len,
			char *const *annotations, struct json_object **out, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Signatures as cosign makes them from version 3 on: a sigstore bundle (sigstore/protobuf-specs,
 * sigstore_bundle.proto, versions 0.1 to 0.3), a JSON document that is the blob of an artifact which
 * refers to the image. What is signed is either
 *
 *   - a DSSE envelope (secure-systems-lab/dsse): an in-toto statement, whose subject is the digest of
 *     the manifest and whose predicate's type is that of cosign's signatures, or
 *   - a message signature: over the bytes of the manifest themselves.
 *
 * As in cosign.h, the key is a file: certificates, logs and timestamps in a bundle are not looked
 * at. Pure.
 */
#ifndef STORE_COSIGN_BUNDLE_H
#define STORE_COSIGN_BUNDLE_H

#include "store/images/cosign.h"

#define COSIGN_BUNDLE_MAX                                                                          \
	524288 /* bytes of a bundle; certificates and a log's entries come along */
#define COSIGN_TYPE_BUNDLE "application/vnd.dev.sigstore.bundle" /* how its types begin */
#define COSIGN_TYPE_CLAIM  "https://sigstore.dev/cosign/sign/v1" /* of the predicate */

struct cosign_bundle;
/* -EBADMSG: it is none, of another version or form, or its base64 is malformed. */
int cosign_bundle_open(const char *text, size_t len, struct cosign_bundle **out, struct err *err);
void cosign_bundle_close(struct cosign_bundle *b); /* NULL is allowed */
DEFINE_AUTO(struct cosign_bundle, cosign_bundle_close)

/* What is signed are the bytes of the manifest: cosign_bundle_check needs them. */
bool cosign_bundle_is_message(const struct cosign_bundle *b);

/* 0 where the key's owner has signed that manifest, with these annotations ("KEY=VALUE",
 * NULL-terminated): *out are all of the signature, or NULL; the caller's. Else -EBADMSG. */
int cosign_bundle_check(const struct cosign_bundle *b, const struct cosign_key *k,
			const struct digest *manifest, const void *document, size_t document_len,
			char *const *annotations, struct json_object **out, struct err *err);

#endif

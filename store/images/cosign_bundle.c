/* SPDX-License-Identifier: MIT */
#include "store/images/cosign_bundle.h"

#include "store/base/buf.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_TYPE "application/vnd.in-toto+json"

struct cosign_bundle {
	struct json_object *doc;	    /* owned */
	const struct json_object *envelope; /* of doc; NULL: it is a message signature */
	struct buf payload, signature;	    /* owned, decoded; the message's digest is `payload` */
};

void cosign_bundle_close(struct cosign_bundle *b)
{
	if (!b)
		return;
	json_object_put(b->doc);
	buf_free(&b->payload);
	buf_free(&b->signature);
	free(b);
}

bool cosign_bundle_is_message(const struct cosign_bundle *b)
{
	return !b->envelope;
}

/* ---- the form ---- */

/* "application/vnd.dev.sigstore.bundle.v0.3+json", and as it was before: "…bundle+json;version=0.2" */
static bool is_known_version(const char *type)
{
	static const char *const known[] = {".v0.3+json",	 ".v0.2+json",
					    ".v0.1+json",	 "+json;version=0.3",
					    "+json;version=0.2", "+json;version=0.1"};
	size_t front = strlen(COSIGN_TYPE_BUNDLE);

	if (!type || strncmp(type, COSIGN_TYPE_BUNDLE, front) != 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(type + front, known[i]))
			return true;
	return false;
}

/* Strictly, as EVP_DecodeBlock passes over blanks, and takes padding anywhere. */
static int bundle_base64(const char *text, const char *what, struct buf *out, struct err *err)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = text ? strlen(text) : 0, digits = text ? strspn(text, alphabet) : 0;
	size_t padding = len - digits;
	char *room;

	if (!text || !len)
		return err_set(err, EBADMSG, "a bundle without a %s", what);
	if (len % 4 || padding > 2 || strspn(text + digits, "=") != padding)
		return err_set(err, EBADMSG, "a bundle whose %s is malformed base64", what);
	room = buf_reserve(out, len / 4 * 3);
	if (!room ||
	    EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text, (int)len) < 0)
		return err_nomem(err);
	out->len += len / 4 * 3 - padding;
	return 0;
}

static int read_envelope(struct cosign_bundle *b, struct err *err)
{
	const char *type = json_string(b->envelope, "payloadType");
	struct json_object *signatures = json_array(b->envelope, "signatures");
	size_t count = signatures ? json_object_array_length(signatures) : 0;
	int r;

	if (!type || strcmp(type, PAYLOAD_TYPE) != 0)
		return err_set(err, EBADMSG, "a bundle whose payload is of the type %s, not %s",
			       type ? type : "(none)", PAYLOAD_TYPE);
	if (count != 1)
		return err_set(err, EBADMSG, "a bundle with %zu signatures, not one", count);
	r = bundle_base64(json_string(json_object_array_get_idx(signatures, 0), "sig"), "signature",
			  &b->signature, err);
	if (!r)
		r = bundle_base64(json_string(b->envelope, "payload"), "payload", &b->payload, err);
	if (!r && b->payload.len > COSIGN_PAYLOAD_MAX)
		r = err_set(err, EBADMSG,
			    "a bundle whose payload has %zu bytes; at most %d are taken",
			    b->payload.len, COSIGN_PAYLOAD_MAX);
	return r;
}

static int read_message(struct cosign_bundle *b, const struct json_object *message, struct err *err)
{
	const struct json_object *digest = json_map(message, "messageDigest");
	const char *algorithm = json_string(digest, "algorithm");
	int r = bundle_base64(json_string(message, "signature"), "signature", &b->signature, err);

	if (r || !digest)
		return r;
	if (!algorithm || strcmp(algorithm, "SHA2_256") != 0)
		return err_set(err, EBADMSG,
			       "a bundle whose message has a digest of %s, not SHA2_256",
			       algorithm ? algorithm : "(none)");
	return bundle_base64(json_string(digest, "digest"), "digest", &b->payload, err);
}

int cosign_bundle_open(const char *text, size_t len, struct cosign_bundle **out, struct err *err)
{
	AUTO(cosign_bundle_close) struct cosign_bundle *b = calloc(1, sizeof(*b));
	const struct json_object *message;
	struct err why = {0};
	int r;

	if (!b)
		return err_nomem(err);
	if (len > COSIGN_BUNDLE_MAX)
		return err_set(err, EBADMSG, "a bundle of %zu bytes; at most %d are taken", len,
			       COSIGN_BUNDLE_MAX);
	if (json_parse(text, len, &b->doc, &why) < 0)
		return err_set(err, EBADMSG, "the bundle: %s", why.text);
	if (!is_known_version(json_string(b->doc, "mediaType")))
		return err_set(err, EBADMSG, "a bundle of a version that is not known");
	b->envelope = json_map(b->doc, "dsseEnvelope");
	message = json_map(b->doc, "messageSignature");
	if (!b->envelope == !message)
		return err_set(err, EBADMSG, "a bundle with %s",
			       message ? "two signatures" : "nothing that is signed");
	r = message ? read_message(b, message, err) : read_envelope(b, err);
	if (!r)
		*out = steal(&b);
	return r;
}

/* ---- what it says ---- */

/* The subject that is the manifest, or NULL. */
static const struct json_object *find_subject(const struct json_object *statement,
					      const struct digest *manifest)
{
	struct json_object *subjects = json_array(statement, "subject");
	char text[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];

	digest_text(manifest, text);
	*strchr(text, ':') = '\0'; /* the algorithm is left */
	digest_hex(manifest, hex);
	for (size_t i = 0; subjects && i < json_object_array_length(subjects); i++) {
		const struct json_object *one = json_object_array_get_idx(subjects, i);
		const char *is = json_string(json_map(one, "digest"), text);

		if (is && !strcmp(is, hex))
			return one;
	}
	return NULL;
}

/* Of a statement whose signature is good. */
static int check_statement(const struct cosign_bundle *b, const struct digest *manifest,
			   struct json_object **out, struct err *err)
{
	autojson *doc = NULL;
	const struct json_object *subject;
	const char *type;
	struct err why = {0};
	char wanted[DIGEST_TEXT_MAX];

	if (json_parse(b->payload.data, b->payload.len, &doc, &why) < 0)
		return err_set(err, EBADMSG, "the payload: %s", why.text);
	type = json_string(doc, "_type");
	if (!type || (strcmp(type, "https://in-toto.io/Statement/v1") &&
		      strcmp(type, "https://in-toto.io/Statement/v0.1")))
		return err_set(err, EBADMSG, "the payload is no in-toto statement");
	type = json_string(doc, "predicateType");
	if (!type || strcmp(type, COSIGN_TYPE_CLAIM) != 0)
		return err_set(err, EBADMSG, "an attestation (%s), not a signature",
			       type ? type : "of no type");
	subject = find_subject(doc, manifest);
	if (!subject)
		return err_set(err, EBADMSG, "the statement is about another digest; want: %s",
			       digest_text(manifest, wanted));
	*out = json_object_get(json_map(subject, "annotations"));
	return 0;
}

/* What DSSE signs, its "pre-authentication encoding": so that no payload passes for another type's. */
static int verify_envelope(const struct cosign_bundle *b, const struct cosign_key *k,
			   struct err *err)
{
	autobuf text = BUF_INIT;

	buf_printf(&text, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, b->payload.len);
	buf_append(&text, b->payload.data, b->payload.len);
	if (buf_failed(&text))
		return err_nomem(err);
	return cosign_verify(k, text.data, text.len, b->signature.data, b->signature.len, err);
}

/* The document is what has the digest: the caller has seen to that. */
static int verify_message(const struct cosign_bundle *b, const struct cosign_key *k,
			  const struct digest *manifest, const void *document, size_t len,
			  struct err *err)
{
	char wanted[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX] = "";

	digest_text(manifest, wanted);
	for (size_t i = 0; i < b->payload.len && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)b->payload.data[i]);
	if (b->payload.len && (b->payload.len != 32 || strcmp(strchr(wanted, ':') + 1, hex) != 0))
		return err_set(err, EBADMSG, "the message is another one; want: %s", wanted);
	return cosign_verify(k, document, len, b->signature.data, b->signature.len, err);
}

int cosign_bundle_check(const struct cosign_bundle *b, const struct cosign_key *k,
			const struct digest *manifest, const void *document, size_t document_len,
			char *const *annotations, struct json_object **out, struct err *err)
{
	autojson *found = NULL;
	int r = b->envelope ? verify_envelope(b, k, err)
			    : verify_message(b, k, manifest, document, document_len, err);

	if (!r && b->envelope)
		r = check_statement(b, manifest, &found, err);
	if (!r)
		r = cosign_check_annotations(found, annotations, err);
	if (!r)
		*out = steal(&found);
	return r;
}

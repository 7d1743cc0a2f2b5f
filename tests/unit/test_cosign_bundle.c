/* SPDX-License-Identifier: MIT */
/* Sigstore bundles: those that cosign wrote, and those that it would refuse. */
#include "store/images/cosign_bundle.h"

#include "store/base/buf.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/cosign_samples.h"

#define SAMPLES (sizeof(cosign_samples) / sizeof(*cosign_samples))
#define HEX	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TYPE	"application/vnd.in-toto+json"
#define CLAIM	"https://sigstore.dev/cosign/sign/v1"
#define V03	"application/vnd.dev.sigstore.bundle.v0.3+json"

static struct digest parsed(const char *text)
{
	struct digest d;

	assert_int_equal(digest_parse(text, &d, NULL), 0);
	return d;
}

static int check_text(const char *text, const struct cosign_key *key, const char *digest,
		      const char *document, char *const *annotations, struct err *err)
{
	AUTO(cosign_bundle_close) struct cosign_bundle *b = NULL;
	autojson *found = NULL;
	struct digest d = parsed(digest);
	int r = cosign_bundle_open(text, strlen(text), &b, err);

	if (r)
		return r;
	assert_int_equal(cosign_bundle_is_message(b), strstr(text, "messageSignature") != NULL);
	return cosign_bundle_check(b, key, &d, document, document ? strlen(document) : 0,
				   annotations, &found, err);
}

/* OpenSSL before 3.2 has no Ed25519ph, which is how cosign 3 signs with such a key. */
static bool is_verifiable(const struct cosign_sample *s)
{
	return strcmp(s->kind, "ed25519") != 0 || OpenSSL_version_num() >= 0x30200000L;
}

static void what_cosign_signed_holds_for_its_key_and_its_digest(void **state)
{
	char *good[] = {"env=prod", "x=y", NULL}, *bad[] = {"env=dev", NULL};

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct cosign_sample *s = &cosign_samples[i];
		const struct cosign_sample *t = &cosign_samples[(i + 1) % SAMPLES];
		AUTO(cosign_key_close) struct cosign_key *key = NULL, *other = NULL;
		struct err err = {0};

		assert_int_equal(cosign_key_open(s->key, strlen(s->key), &key, &err), 0);
		assert_int_equal(cosign_key_open(t->key, strlen(t->key), &other, &err), 0);
		assert_int_equal(check_text(s->bundle, other, s->digest, NULL, NULL, &err),
				 -EBADMSG);
		if (!is_verifiable(s)) {
			assert_int_equal(check_text(s->bundle, key, s->digest, NULL, NULL, &err),
					 -EBADMSG);
			assert_non_null(strstr(err.text, "Ed25519ph, which wants OpenSSL 3.2"));
			continue;
		}
		if (check_text(s->bundle, key, s->digest, NULL, s->annotated ? good : NULL, &err))
			fail_msg("%s: %s", s->kind, err.text);
		assert_int_equal(check_text(s->bundle, key, s->digest, NULL, bad, &err), -EBADMSG);
		assert_int_equal(check_text(s->bundle, key, t->digest, NULL, NULL, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "the statement is about another digest"));
	}
}

static EVP_PKEY *mine;
static struct cosign_key *mine_public;

static int make_key(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	(void)state;
	mine = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	PEM_write_bio_PUBKEY(bio, mine);
	len = BIO_get_mem_data(bio, &pem);
	len = cosign_key_open(pem, (size_t)len, &mine_public, NULL);
	BIO_free(bio);
	return (int)len;
}

static int drop_key(void **state)
{
	(void)state;
	EVP_PKEY_free(mine);
	cosign_key_close(mine_public);
	return 0;
}

static void put_base64(struct buf *out, const void *data, size_t len)
{
	char *room = buf_reserve(out, (len + 2) / 3 * 4 + 1);

	out->len += (size_t)EVP_EncodeBlock((unsigned char *)room, data, (int)len);
	out->data[out->len] = '\0';
}

static void put_signature(struct buf *out, const char *text, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[256];
	size_t n = sizeof(signature);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, mine), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text, len), 1);
	EVP_MD_CTX_free(ctx);
	put_base64(out, signature, n);
}

/* An envelope as it would be signed for that type, which says that it is of `says`. */
static char *envelope(const char *version, const char *type, const char *says, const char *payload)
{
	struct buf pae = BUF_INIT, out = BUF_INIT;

	buf_printf(&pae, "DSSEv1 %zu %s %zu ", strlen(type), type, strlen(payload));
	buf_puts(&pae, payload);
	buf_printf(&out,
		   "{\"mediaType\":\"%s\",\"dsseEnvelope\":{\"payloadType\":\"%s\",\"payload\":\"",
		   version, says);
	put_base64(&out, payload, strlen(payload));
	buf_puts(&out, "\",\"signatures\":[{\"sig\":\"");
	put_signature(&out, pae.data, pae.len);
	buf_puts(&out, "\"}]}}");
	buf_free(&pae);
	return buf_steal(&out);
}

#define STATEMENT(kind, predicate, hex)                                                            \
	"{\"_type\":\"" kind "\",\"predicateType\":\"" predicate "\",\"subject\":["                \
	"{\"digest\":{\"sha256\":\"" OTHER "x\"}},{\"digest\":{\"sha256\":\"" hex "\"}}]}"
#define GOOD STATEMENT("https://in-toto.io/Statement/v1", CLAIM, HEX)

/* text is freed. */
static void expect(char *text, const char *sentence)
{
	struct err err = {0};
	int r = check_text(text, mine_public, "sha256:" HEX, NULL, NULL, &err);

	if (sentence && (r != -EBADMSG || !strstr(err.text, sentence)))
		fail_msg("%d: %s; should say: %s", r, err.text, sentence);
	if (!sentence && r)
		fail_msg("%s", err.text);
	free(text);
}

static void the_statement_must_be_one_of_cosign_about_the_image(void **state)
{
	(void)state;
	expect(envelope(V03, TYPE, TYPE, GOOD), NULL);
	expect(envelope("application/vnd.dev.sigstore.bundle+json;version=0.2", TYPE, TYPE, GOOD),
	       NULL);
	expect(
	    envelope(V03, TYPE, TYPE, STATEMENT("https://in-toto.io/Statement/v1", CLAIM, OTHER)),
	    "about another digest; want: sha256:" HEX);
	expect(envelope(V03, TYPE, TYPE,
			STATEMENT("https://in-toto.io/Statement/v1",
				  "https://slsa.dev/provenance/v1", HEX)),
	       "an attestation (https://slsa.dev/provenance/v1), not a signature");
	expect(envelope(V03, TYPE, TYPE, STATEMENT("https://example.org", CLAIM, HEX)),
	       "no in-toto statement");
	expect(envelope(V03, TYPE, TYPE, "not JSON"), "the payload: ");
	expect(envelope(V03, "text/plain", "text/plain", GOOD),
	       "payload is of the type text/plain, not " TYPE);
	/* What is signed as another type does not become a statement by saying so. */
	expect(envelope(V03, "text/plain", TYPE, GOOD), "invalid signature");
	expect(envelope("application/vnd.dev.sigstore.bundle.v9+json", TYPE, TYPE, GOOD),
	       "a version that is not known");
	expect(envelope("text/plain", TYPE, TYPE, GOOD), "a version that is not known");
}

static void a_form_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
	    {"", "the bundle: "},
	    {"{\"mediaType\":\"" V03 "\"}", "nothing that is signed"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{},\"messageSignature\":{}}",
	     "two signatures"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payloadType\":\"" TYPE
	     "\",\"payload\":\"AAAA\"}}",
	     "0 signatures, not one"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payloadType\":\"" TYPE
	     "\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"},{\"sig\":\"AAAA\"}]}}",
	     "2 signatures, not one"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payloadType\":\"" TYPE
	     "\",\"payload\":\"AAAA\",\"signatures\":[{}]}}",
	     "without a signature"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payloadType\":\"" TYPE
	     "\",\"payload\":\"AA==AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}}",
	     "payload is malformed base64"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payloadType\":\"" TYPE
	     "\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AA A\"}]}}",
	     "signature is malformed base64"},
	    {"{\"mediaType\":\"" V03 "\",\"dsseEnvelope\":{\"payload\":\"AAAA\"}}",
	     "of the type (none)"},
	    {"{\"mediaType\":\"" V03 "\",\"messageSignature\":{\"signature\":\"AAAA\","
	     "\"messageDigest\":{\"algorithm\":\"SHA2_512\",\"digest\":\"AAAA\"}}}",
	     "a digest of SHA2_512"},
	    {"{\"mediaType\":\"" V03 "\",\"messageSignature\":{}}", "without a signature"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect(strdup(cases[i].text), cases[i].sentence);
}

static void what_is_too_large_is_refused(void **state)
{
	struct buf payload = BUF_INIT;
	struct cosign_bundle *b;
	struct err err = {0};
	char *large = calloc(1, COSIGN_BUNDLE_MAX + 1);

	(void)state;
	for (int i = 0; i <= COSIGN_PAYLOAD_MAX; i++)
		buf_putc(&payload, ' ');
	expect(envelope(V03, TYPE, TYPE, payload.data), "at most 131072 are taken");
	assert_int_equal(cosign_bundle_open(large, COSIGN_BUNDLE_MAX + 1, &b, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "at most 524288 are taken"));
	buf_free(&payload);
	free(large);
}

static void a_message_is_the_manifest_itself(void **state)
{
	static const char document[] = "the manifest";
	struct buf out = BUF_INIT;
	struct digest d;
	struct err err = {0};
	char digest[DIGEST_TEXT_MAX], *some[] = {"env=prod", NULL};

	(void)state;
	assert_int_equal(digest_of(DIGEST_SHA256, document, strlen(document), &d, &err), 0);
	digest_text(&d, digest);
	buf_puts(&out, "{\"mediaType\":\"" V03 "\",\"messageSignature\":{\"messageDigest\":"
		       "{\"algorithm\":\"SHA2_256\",\"digest\":\"");
	put_base64(&out, d.bytes, 32);
	buf_puts(&out, "\"},\"signature\":\"");
	put_signature(&out, document, strlen(document));
	buf_puts(&out, "\"}}");
	assert_int_equal(check_text(out.data, mine_public, digest, document, NULL, &err), 0);
	assert_int_equal(check_text(out.data, mine_public, digest, document, some, &err), -EBADMSG);
	assert_int_equal(check_text(out.data, mine_public, digest, "the Manifest", NULL, &err),
			 -EBADMSG);
	assert_int_equal(check_text(out.data, mine_public, "sha256:" HEX, document, NULL, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "the message is another one"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cosign_signed_holds_for_its_key_and_its_digest),
	    cmocka_unit_test(the_statement_must_be_one_of_cosign_about_the_image),
	    cmocka_unit_test(a_form_that_is_none_is_refused),
	    cmocka_unit_test(what_is_too_large_is_refused),
	    cmocka_unit_test(a_message_is_the_manifest_itself),
	};

	return cmocka_run_group_tests(tests, make_key, drop_key);
}

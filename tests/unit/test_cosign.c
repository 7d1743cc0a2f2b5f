/* SPDX-License-Identifier: MIT */
/* Signatures by keys of every kind: which hold, and those that do not. */
#include "store/images/cosign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER  "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CLAIM(type, digest)                                                                        \
	"{\"critical\":{\"identity\":{\"docker-reference\":\"\"},\"image\":{"                      \
	"\"docker-manifest-digest\":\"" digest "\"},\"type\":\"" type "\"},"                       \
	"\"optional\":{\"env\":\"prod\"}}"
#define TYPE "cosign container image signature"

static EVP_PKEY *generate(const char *kind, const char *curve, size_t bits)
{
	if (curve)
		return EVP_PKEY_Q_keygen(NULL, NULL, kind, curve);
	return bits ? EVP_PKEY_Q_keygen(NULL, NULL, kind, bits)
		    : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static int open_public(EVP_PKEY *key, struct cosign_key **out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;
	int r;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_get_mem_data(bio, &pem);
	r = cosign_key_open(pem, (size_t)len, out, NULL);
	BIO_free(bio);
	return r;
}

static size_t sign(EVP_PKEY *key, const EVP_MD *hash, int padding, const char *text,
		   unsigned char *out, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;

	assert_int_equal(EVP_DigestSignInit(ctx, &parameters, hash, NULL, key), 1);
	if (padding)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, padding), 1);
	assert_int_equal(EVP_DigestSign(ctx, out, &size, (const unsigned char *)text, strlen(text)),
			 1);
	EVP_MD_CTX_free(ctx);
	return size;
}

static void signatures_of_every_kind_of_key_hold_and_no_other(void **state)
{
	static const struct {
		const char *kind, *curve;
		size_t bits;
		const char *hash;
		int padding;
	} cases[] = {
	    {"EC", "P-256", 0, "SHA256", 0},
	    {"EC", "P-384", 0, "SHA256", 0},
	    {"EC", "P-384", 0, "SHA384", 0},
	    {"EC", "P-521", 0, "SHA512", 0},
	    {"RSA", NULL, 2048, "SHA256", RSA_PKCS1_PADDING},
	    {"RSA", NULL, 2048, "SHA256", RSA_PKCS1_PSS_PADDING},
	    {"ED25519", NULL, 0, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		EVP_PKEY *mine = generate(cases[i].kind, cases[i].curve, cases[i].bits);
		EVP_PKEY *theirs = generate(cases[i].kind, cases[i].curve, cases[i].bits);
		const EVP_MD *hash = cases[i].hash ? EVP_get_digestbyname(cases[i].hash) : NULL;
		struct cosign_key *key, *other;
		unsigned char signature[1024];
		size_t n =
		    sign(mine, hash, cases[i].padding, "payload", signature, sizeof(signature));

		assert_int_equal(open_public(mine, &key), 0);
		assert_int_equal(open_public(theirs, &other), 0);
		assert_int_equal(cosign_verify(key, "payload", 7, signature, n, NULL), 0);
		assert_int_equal(cosign_verify(key, "Payload", 7, signature, n, NULL), -EBADMSG);
		assert_int_equal(cosign_verify(key, "payload", 6, signature, n, NULL), -EBADMSG);
		assert_int_equal(cosign_verify(key, "payload", 7, signature, n - 1, NULL),
				 -EBADMSG);
		assert_int_equal(cosign_verify(key, "payload", 7, signature, 0, NULL), -EBADMSG);
		assert_int_equal(cosign_verify(other, "payload", 7, signature, n, NULL), -EBADMSG);
		signature[n / 2] ^= 1;
		assert_int_equal(cosign_verify(key, "payload", 7, signature, n, NULL), -EBADMSG);
		cosign_key_close(key);
		cosign_key_close(other);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(theirs);
	}
}

static void keys_that_are_none_are_refused(void **state)
{
	static const char *const texts[] = {
	    "", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	    ("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n"
	     "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n")};
	EVP_PKEY *small = generate("RSA", NULL, 1024), *curve = generate("EC", "secp256k1", 0);
	EVP_PKEY *exchange = generate("X25519", NULL, 0);
	struct cosign_key *key;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(cosign_key_open(texts[i], strlen(texts[i]), &key, NULL), -EINVAL);
	assert_int_equal(open_public(small, &key), -EINVAL);
	assert_int_equal(open_public(curve, &key), -EINVAL);
	assert_int_equal(open_public(exchange, &key), -EINVAL);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
	EVP_PKEY_free(exchange);
}

static int claim(const char *payload, char *const *annotations)
{
	autojson *doc = NULL;
	struct digest digest;

	assert_int_equal(digest_parse(DIGEST, &digest, NULL), 0);
	return cosign_claim(payload, strlen(payload), &digest, annotations, &doc, NULL);
}

static void a_payload_claims_one_manifest(void **state)
{
	char *prod[] = {(char *)"env=prod", NULL}, *test[] = {(char *)"env=test", NULL};
	char *none[] = {(char *)"who=me", NULL}, *bare[] = {(char *)"env", NULL};

	(void)state;
	assert_int_equal(claim(CLAIM(TYPE, DIGEST), NULL), 0);
	assert_int_equal(claim(CLAIM(TYPE, DIGEST), prod), 0);
	assert_int_equal(claim(CLAIM(TYPE, DIGEST), test), -EBADMSG);
	assert_int_equal(claim(CLAIM(TYPE, DIGEST), none), -EBADMSG);
	assert_int_equal(claim(CLAIM(TYPE, DIGEST), bare), -EBADMSG);
	assert_int_equal(claim(CLAIM(TYPE, OTHER), NULL), -EBADMSG);
	assert_int_equal(claim(CLAIM("atomic container signature", DIGEST), NULL), -EBADMSG);
	assert_int_equal(claim(CLAIM(TYPE, "sha256:x"), NULL), -EBADMSG);
	assert_int_equal(claim("{}", NULL), -EBADMSG);
	assert_int_equal(claim("garbage", NULL), -EBADMSG);
	assert_int_equal(claim("[]", NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_of_every_kind_of_key_hold_and_no_other),
	    cmocka_unit_test(keys_that_are_none_are_refused),
	    cmocka_unit_test(a_payload_claims_one_manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/images/cosign.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#define CLAIM_TYPE   "cosign container image signature"
#define RSA_BITS_MIN 2048

/* One way in which a key may have signed. */
struct scheme {
	const EVP_MD *hash; /* NULL: the key's own */
	int padding;	    /* of RSA, or 0 */
	bool hashed_first;  /* Ed25519ph */
};

struct cosign_key {
	EVP_PKEY *key; /* owned */
	struct scheme schemes[2];
	size_t count;
};

DEFINE_AUTO(EVP_MD_CTX, EVP_MD_CTX_free)

/* ---- keys ---- */

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *read_pem(const char *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static void add_scheme(struct cosign_key *k, const EVP_MD *hash, int padding)
{
	k->schemes[k->count++] = (struct scheme){.hash = hash, .padding = padding};
}

/* cosign hashes with SHA-256 whatever the curve; newer ones with what suits the curve. */
static int take_curve(struct cosign_key *k, struct err *err)
{
	char name[64] = "";

	EVP_PKEY_get_group_name(k->key, name, sizeof(name), NULL);
	add_scheme(k, EVP_sha256(), 0);
	if (!strcmp(name, "secp384r1"))
		add_scheme(k, EVP_sha384(), 0);
	else if (!strcmp(name, "secp521r1"))
		add_scheme(k, EVP_sha512(), 0);
	else if (strcmp(name, "prime256v1") != 0)
		return err_set(err, EINVAL, "the curve %s is not supported", name);
	return 0;
}

static int take_type(struct cosign_key *k, struct err *err)
{
	int bits = EVP_PKEY_get_bits(k->key);

	switch (EVP_PKEY_get_base_id(k->key)) {
	case EVP_PKEY_ED25519:
		add_scheme(k, NULL, 0);
		k->schemes[k->count++] = (struct scheme){.hashed_first = true};
		return 0;
	case EVP_PKEY_EC:
		return take_curve(k, err);
	case EVP_PKEY_RSA:
		add_scheme(k, EVP_sha256(), RSA_PKCS1_PADDING);
		/* fall through */
	case EVP_PKEY_RSA_PSS:
		add_scheme(k, EVP_sha256(), RSA_PKCS1_PSS_PADDING);
		return bits >= RSA_BITS_MIN
			   ? 0
			   : err_set(err, EINVAL, "an RSA key of %d bits; at least %d are taken",
				     bits, RSA_BITS_MIN);
	default:
		return err_set(err, EINVAL, "the key is neither ECDSA, RSA nor Ed25519");
	}
}

int cosign_key_open(const char *pem, size_t len, struct cosign_key **out, struct err *err)
{
	AUTO(cosign_key_close) struct cosign_key *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_nomem(err);
	if (len > COSIGN_KEY_MAX)
		return err_set(err, EINVAL, "larger than %d bytes", COSIGN_KEY_MAX);
	if (memmem(pem, len, "PRIVATE KEY", strlen("PRIVATE KEY")))
		return err_set(err, EINVAL, "a private key, not a public one");
	k->key = read_pem(pem, len);
	if (!k->key)
		return err_set(err, EINVAL, "not a public key in PEM");
	r = take_type(k, err);
	if (!r)
		*out = steal(&k);
	return r;
}

void cosign_key_close(struct cosign_key *k)
{
	if (k)
		EVP_PKEY_free(k->key);
	free(k);
}

/* ---- signatures ---- */

/* An older one takes no notice of the word, and verifies by Ed25519 as it is. */
static bool knows_hashed_first(void)
{
	return OpenSSL_version_num() >= 0x30200000L;
}

static bool verify_by(const struct cosign_key *k, const struct scheme *s, const void *payload,
		      size_t len, const void *signature, size_t signature_len)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL; /* of ctx */
	char instance[] = "Ed25519ph";
	const OSSL_PARAM hashed_first[] = {
	    OSSL_PARAM_construct_utf8_string("instance", instance, 0), OSSL_PARAM_construct_end()};
	const char *hash = s->hash ? EVP_MD_get0_name(s->hash) : NULL;
	bool good = ctx && EVP_DigestVerifyInit_ex(ctx, &parameters, hash, NULL, NULL, k->key,
						   s->hashed_first ? hashed_first : NULL) == 1;

	if (good && s->padding)
		good = EVP_PKEY_CTX_set_rsa_padding(parameters, s->padding) == 1;
	if (good && s->padding == RSA_PKCS1_PSS_PADDING)
		good = EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) == 1;
	if (good)
		good = EVP_DigestVerify(ctx, signature, signature_len, payload, len) == 1;
	ERR_clear_error();
	return good;
}

int cosign_verify(const struct cosign_key *k, const void *payload, size_t len,
		  const void *signature, size_t signature_len, struct err *err)
{
	if (signature_len <= COSIGN_SIGNATURE_MAX)
		for (size_t i = 0; i < k->count; i++)
			if (verify_by(k, &k->schemes[i], payload, len, signature, signature_len))
				return 0;
	if (k->schemes[k->count - 1].hashed_first && !knows_hashed_first())
		return err_set(err, EBADMSG,
			       "invalid signature when validating with the key, unless it "
			       "is Ed25519ph, which wants OpenSSL 3.2");
	return err_set(err, EBADMSG, "invalid signature when validating with the key");
}

/* ---- claims ---- */

static int cosign_check_digest(const struct json_object *critical, const struct digest *manifest,
			       struct err *err)
{
	const char *text = json_string(json_map(critical, "image"), "docker-manifest-digest");
	char wanted[DIGEST_TEXT_MAX];
	struct digest claimed;

	if (!text || digest_parse(text, &claimed, NULL) < 0)
		return err_set(err, EBADMSG, "the payload claims no digest");
	if (digest_equal(&claimed, manifest))
		return 0;
	return err_set(err, EBADMSG, "invalid or missing digest in claim: %s; want: %s", text,
		       digest_text(manifest, wanted));
}

static int check_annotation(const struct json_object *optional, const char *wanted, struct err *err)
{
	const char *equals = strchr(wanted, '=');
	autofree char *key = strndup(wanted, equals ? (size_t)(equals - wanted) : strlen(wanted));
	const char *is;

	if (!key)
		return err_nomem(err);
	is = json_string(optional, key);
	if (is && equals && strcmp(is, equals + 1) == 0)
		return 0;
	return err_set(err, EBADMSG, "missing or incorrect annotation %s", key);
}

int cosign_check_annotations(const struct json_object *all, char *const *wanted, struct err *err)
{
	int r = 0;

	for (; !r && wanted && *wanted; wanted++)
		r = check_annotation(all, *wanted, err);
	return r;
}

int cosign_claim(const char *payload, size_t len, const struct digest *manifest,
		 char *const *annotations, struct json_object **out, struct err *err)
{
	autojson *doc = NULL;
	const struct json_object *critical;
	const char *type;
	struct err why = {0};
	int r;

	if (json_parse(payload, len, &doc, &why) < 0)
		return err_set(err, EBADMSG, "the payload: %s", why.text);
	critical = json_map(doc, "critical");
	type = json_string(critical, "type");
	if (!type || strcmp(type, CLAIM_TYPE) != 0)
		return err_set(err, EBADMSG, "the payload is no %s", CLAIM_TYPE);
	r = cosign_check_digest(critical, manifest, err);
	if (!r)
		r = cosign_check_annotations(json_map(doc, "optional"), annotations, err);
	if (!r)
		*out = steal(&doc);
	return r;
}

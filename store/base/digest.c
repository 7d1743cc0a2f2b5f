/* SPDX-License-Identifier: MIT */
#include "store/base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct algorithm {
	const char *name;
	const char *evp_name;
	size_t size; /* bytes of a digest */
};

static const struct algorithm algorithms[] = {
    [DIGEST_SHA256] = {"sha256", "SHA2-256", 32},
    [DIGEST_SHA512] = {"sha512", "SHA2-512", 64},
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(*algorithms))
static_assert(ALGORITHM_COUNT == DIGEST_SHA512 + 1, "one for each of the enum");

#define IS_HEX 16

/* What a hex digit stands for, with IS_HEX. */
static const uint8_t hex_values[256] = {
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
    ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
};

static bool parse_hex(const char *hex, size_t size, uint8_t *out)
{
	uint8_t high, low, all = IS_HEX;

	if (strnlen(hex, 2 * size + 1) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		high = hex_values[(uint8_t)hex[2 * i]];
		low = hex_values[(uint8_t)hex[2 * i + 1]];
		all &= high & low;
		out[i] = (uint8_t)(high << 4 | (low & 15));
	}
	return all & IS_HEX;
}

int digest_parse(const char *text, struct digest *out, struct err *err)
{
	size_t i, len;

	for (i = 0; i < ALGORITHM_COUNT; i++) {
		len = strlen(algorithms[i].name);
		if (strncmp(text, algorithms[i].name, len) != 0 || text[len] != ':')
			continue;
		memset(out, 0, sizeof(*out));
		out->algorithm = (enum digest_algorithm)i;
		if (parse_hex(text + len + 1, algorithms[i].size, out->bytes))
			return 0;
		return err_set(err, EINVAL, "%.200s: invalid digest: %zu lower-case hex digits %s",
			       text, 2 * algorithms[i].size, "must follow the colon");
	}
	return err_set(err, EINVAL, "%.200s: invalid digest: not sha256:… or sha512:…", text);
}

const char *digest_hex(const struct digest *d, char hex[static DIGEST_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t i, size = algorithms[d->algorithm].size;

	for (i = 0; i < size; i++) {
		hex[2 * i] = digits[d->bytes[i] >> 4];
		hex[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	hex[2 * size] = '\0';
	return hex;
}

const char *digest_text(const struct digest *d, char text[static DIGEST_TEXT_MAX])
{
	const char *name = algorithms[d->algorithm].name;
	size_t len = strlen(name);

	memcpy(text, name, len);
	text[len] = ':';
	digest_hex(d, text + len + 1);
	return text;
}

const char *digest_algorithm_name(const struct digest *d)
{
	return algorithms[d->algorithm].name;
}

bool digest_parse_name(const char *name, struct digest *out)
{
	const size_t digits = strcspn(name, ".");
	char text[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		if (digits != 2 * algorithms[i].size)
			continue;
		snprintf(text, sizeof(text), "%s:%.*s", algorithms[i].name, (int)digits, name);
		return digest_parse(text, out, NULL) == 0;
	}
	return false;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->algorithm == b->algorithm &&
	       memcmp(a->bytes, b->bytes, algorithms[a->algorithm].size) == 0;
}

/* Looking an implementation up costs more than hashing a small file: done once, then read only. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *implementations[ALGORITHM_COUNT];

static void digest_fetch(void)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		implementations[i] = EVP_MD_fetch(NULL, algorithms[i].evp_name, NULL);
}

struct hash {
	enum digest_algorithm algorithm;
	EVP_MD_CTX *ctx; /* owned */
};

int hash_open(enum digest_algorithm algorithm, struct hash **out, struct err *err)
{
	struct hash *h;

	pthread_once(&fetched, digest_fetch);
	if (!implementations[algorithm])
		return err_set(err, EIO, "the cryptographic library has no %s",
			       algorithms[algorithm].name);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_nomem(err);
	h->algorithm = algorithm;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex2(h->ctx, implementations[algorithm], NULL) != 1) {
		hash_close(h);
		return err_nomem(err);
	}
	*out = h;
	return 0;
}

/* The library's functions below fail only for a wrong use; a hash that is wrong then never
 * matches what was expected. */
void hash_update(struct hash *h, const void *data, size_t len)
{
	EVP_DigestUpdate(h->ctx, data, len);
}

void hash_final(struct hash *h, struct digest *out)
{
	memset(out, 0, sizeof(*out));
	out->algorithm = h->algorithm;
	EVP_DigestFinal_ex(h->ctx, out->bytes, NULL);
}

void hash_close(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int digest_of(enum digest_algorithm algorithm, const void *data, size_t len, struct digest *out,
	      struct err *err)
{
	AUTO(hash_close) struct hash *h = NULL;
	int r = hash_open(algorithm, &h, err);

	if (r)
		return r;
	hash_update(h, data, len);
	hash_final(h, out);
	return 0;
}

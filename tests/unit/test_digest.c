/* SPDX-License-Identifier: MIT */
#include "store/base/digest.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define EMPTY_SHA256 "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA512                                                                                 \
	"sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                  \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void known_answers(void **state)
{
	char text[DIGEST_TEXT_MAX];
	struct digest d;

	(void)state;
	assert_int_equal(digest_of(DIGEST_SHA256, "", 0, &d, NULL), 0);
	assert_string_equal(digest_text(&d, text), EMPTY_SHA256);
	assert_int_equal(digest_of(DIGEST_SHA512, "abc", 3, &d, NULL), 0);
	assert_string_equal(digest_text(&d, text), ABC_SHA512);
	assert_string_equal(digest_algorithm_name(&d), "sha512");
}

static void a_hash_in_pieces_is_the_hash_of_the_whole(void **state)
{
	struct digest whole, pieces;
	AUTO(hash_close) struct hash *h = NULL;
	char data[1000];

	(void)state;
	memset(data, 'x', sizeof(data));
	digest_of(DIGEST_SHA256, data, sizeof(data), &whole, NULL);
	assert_int_equal(hash_open(DIGEST_SHA256, &h, NULL), 0);
	for (int i = 0; i < 10; i++)
		hash_update(h, data + 100 * i, 100);
	hash_final(h, &pieces);
	assert_true(digest_equal(&whole, &pieces));
}

static void text_and_digest_are_each_other_s_inverse(void **state)
{
	char text[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];
	struct digest d;

	(void)state;
	assert_int_equal(digest_parse(EMPTY_SHA256, &d, NULL), 0);
	assert_string_equal(digest_text(&d, text), EMPTY_SHA256);
	assert_string_equal(digest_hex(&d, hex), strchr(EMPTY_SHA256, ':') + 1);
	assert_int_equal(digest_parse(ABC_SHA512, &d, NULL), 0);
	assert_string_equal(digest_text(&d, text), ABC_SHA512);
}

static void equal_needs_the_same_algorithm(void **state)
{
	struct digest a, b;

	(void)state;
	digest_parse(EMPTY_SHA256, &a, NULL);
	b = a;
	assert_true(digest_equal(&a, &b));
	b.algorithm = DIGEST_SHA512;
	assert_false(digest_equal(&a, &b));
	b = a;
	b.bytes[31] ^= 1;
	assert_false(digest_equal(&a, &b));
}

static void malformed_digests_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "sha256",
	    "sha256:",
	    "sha256:../../x",
	    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
	    EMPTY_SHA256 "0",
	    "sha256:E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    (" " EMPTY_SHA256),
	    "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
	    "sha384:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	};
	struct err err;
	struct digest d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(digest_parse(bad[i], &d, &err), -EINVAL);
		assert_non_null(strstr(err.text, "invalid digest"));
	}
}

static void *hash_many(void *arg)
{
	struct digest d;

	for (int i = 0; i < 100; i++)
		if (digest_of(DIGEST_SHA256, "", 0, &d, NULL))
			return NULL;
	return digest_equal(&d, arg) ? arg : NULL;
}

static void threads_hash_side_by_side(void **state)
{
	pthread_t threads[4];
	struct digest empty;
	void *result;

	(void)state;
	digest_parse(EMPTY_SHA256, &empty, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_many, &empty), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, &empty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_hash_side_by_side),
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(a_hash_in_pieces_is_the_hash_of_the_whole),
	    cmocka_unit_test(text_and_digest_are_each_other_s_inverse),
	    cmocka_unit_test(equal_needs_the_same_algorithm),
	    cmocka_unit_test(malformed_digests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

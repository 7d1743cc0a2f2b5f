/* SPDX-License-Identifier: MIT */
/* Which entry of an index serves a platform. */
#include "store/oci/oci.h"

#include "store/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HEX	   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA	   "sha256:" HEX
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"" SHA "\",\"size\":7}"
#define V2	   "\"schemaVersion\":2,"

#define ENTRY(os, arch, variant, digit)                                                            \
	"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"sha256:" digit                      \
	"3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":7,"            \
	"\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant     \
	"\"}}"

/* The first digit of the chosen entry's digest; 0: none. */
static char chosen(const char *entries, const char *wish, struct err *err)
{
	autobuf b = BUF_INIT;
	AUTO(index_free) struct index *index = NULL;
	const struct descriptor *d;
	struct platform p;
	char hex[DIGEST_HEX_MAX];

	buf_printf(&b, "{" V2 "\"manifests\":[%s]}", entries);
	assert_int_equal(index_parse(b.data, b.len, NULL, &index, err), 0);
	assert_int_equal(platform_parse(wish, &p, err), 0);
	if (index_choose(index, &p, &d, err)) {
		assert_int_equal(err->code, ENOENT);
		return 0;
	}
	return digest_hex(&d->digest, hex)[0];
}

static void the_best_platform_is_chosen(void **state)
{
	static const char index[] =
	    ENTRY("unknown", "unknown", "", "0") "," ENTRY("linux", "amd64", "", "1") "," ENTRY(
		"linux", "amd64", "v2",
		"2") "," ENTRY("linux", "arm", "v6", "3") "," ENTRY("linux", "arm64", "v8",
								    "4") "," ENTRY("linux", "amd64",
										   "", "5");
	struct err err = {0};

	(void)state;
	assert_int_equal(chosen(index, "linux/amd64", &err), '1');
	assert_int_equal(chosen(index, "linux/amd64/v3", &err), '2');
	assert_int_equal(chosen(index, "linux/arm/v7", &err), '3');
	assert_int_equal(chosen(index, "linux/arm64", &err), '4');
	assert_int_equal(chosen(index, "linux/s390x", &err), 0);
	assert_string_equal(err.text,
			    "no matching manifest for linux/s390x in the manifest list entries; it "
			    "has linux/amd64, linux/amd64/v2, linux/arm/v6, linux/arm64");
	assert_int_equal(chosen(index, "unknown/unknown", &err), 0);
}

static void entries_without_platforms_serve_where_nothing_fits_better(void **state)
{
	static const char attestation[] =
	    "{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" SHA
	    "\",\"size\":7,\"annotations\":{\"vnd.docker.reference.type\":"
	    "\"attestation-manifest\"}}";
	struct err err = {0};
	char text[2048];

	(void)state;
	assert_int_equal(chosen(DESC(OCI_TYPE_MANIFEST), "linux/arm64", &err), 'e');
	assert_int_equal(chosen(attestation, "linux/arm64", &err), 0);
	assert_non_null(strstr(err.text, "it has no image"));
	assert_int_equal(chosen("", "linux/arm64", &err), 0);
	snprintf(text, sizeof(text), "%s,%s", DESC(OCI_TYPE_MANIFEST),
		 ENTRY("linux", "amd64", "", "1"));
	assert_int_equal(chosen(text, "linux/arm64", &err), 'e');
	assert_int_equal(chosen(text, "linux/amd64", &err), '1');
	snprintf(text, sizeof(text),
		 "{\"mediaType\":\"a/b\",\"digest\":\"" SHA
		 "\",\"size\":1},{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" SHA
		 "\",\"size\":7,\"artifactType\":\"a/c\"},%s",
		 ENTRY("linux", "amd64", "", "1"));
	assert_int_equal(chosen(text, "linux/arm64", &err), 0);
}

static void a_sentence_holds_very_many_platforms(void **state)
{
	autobuf b = BUF_INIT;
	struct err err = {0};

	(void)state;
	buf_puts(&b, ENTRY("linux", "a", "x", "1"));
	for (int i = 0; i < 500; i++)
		buf_printf(
		    &b,
		    ","
		    "{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" SHA
		    "\",\"size\":7,\"platform\":{\"os\":\"linux\",\"architecture\":\"a%d\"}}",
		    i);
	assert_int_equal(chosen(b.data, "linux/amd64", &err), 0);
	assert_non_null(strstr(err.text, ", …"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_best_platform_is_chosen),
	    cmocka_unit_test(entries_without_platforms_serve_where_nothing_fits_better),
	    cmocka_unit_test(a_sentence_holds_very_many_platforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
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
#define LAYER	   "application/vnd.oci.image.layer.v1.tar+gzip"
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"" SHA "\",\"size\":7}"
#define CONFIG	   "\"config\":" DESC(OCI_TYPE_CONFIG)
#define LAYERS	   "\"layers\":[" DESC(LAYER) "]"
#define TYPE(type) "\"mediaType\":\"" type "\""
#define MANIFESTS  "\"manifests\":[" DESC(OCI_TYPE_MANIFEST) "]"
#define V2	   "\"schemaVersion\":2,"

static int kind_of(const char *text, const char *declared, enum oci_kind *kind, struct err *err)
{
	autojson *doc = NULL;
	int r = json_parse(text, strlen(text), &doc, err);

	return r ? r : oci_kind(doc, declared, kind, err);
}

static void members_and_types_tell_the_kind(void **state)
{
	static const struct {
		const char *text, *declared;
		enum oci_kind kind;
	} cases[] = {
	    {"{" V2 CONFIG "," LAYERS "}", NULL, OCI_KIND_MANIFEST},
	    {"{" V2 CONFIG "," LAYERS "}", "", OCI_KIND_MANIFEST},
	    {"{" V2 CONFIG "," LAYERS "}", "application/json; charset=utf-8", OCI_KIND_MANIFEST},
	    {"{" V2 CONFIG "," LAYERS "}", OCI_TYPE_MANIFEST, OCI_KIND_MANIFEST},
	    {"{" V2 TYPE(OCI_TYPE_MANIFEST) "," CONFIG "," LAYERS "}",
	     OCI_TYPE_MANIFEST "; charset=utf-8", OCI_KIND_MANIFEST},
	    {"{" V2 TYPE(DOCKER_TYPE_MANIFEST) "," CONFIG "," LAYERS "}", DOCKER_TYPE_MANIFEST,
	     OCI_KIND_MANIFEST},
	    {"{" V2 MANIFESTS "}", NULL, OCI_KIND_INDEX},
	    {"{" V2 "\"manifests\":null}", OCI_TYPE_INDEX, OCI_KIND_INDEX},
	    {"{" V2 TYPE(DOCKER_TYPE_LIST) "," MANIFESTS "}", NULL, OCI_KIND_INDEX},
	};
	enum oci_kind kind;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (kind_of(cases[i].text, cases[i].declared, &kind, &err))
			fail_msg("%s as %s: %s", cases[i].text, cases[i].declared, err.text);
		assert_int_equal(kind, cases[i].kind);
	}
}

/* CVE-2021-41190: one document, two meanings. */
static void ambiguous_documents_are_refused(void **state)
{
	static const struct {
		const char *text, *declared;
		int error;
		const char *sentence;
	} cases[] = {
	    {"{" V2 MANIFESTS "," LAYERS "}", NULL, EPROTO, "both \"manifests\" and \"layers\""},
	    {"{" V2 MANIFESTS "," CONFIG "}", OCI_TYPE_INDEX, EPROTO,
	     "\"manifests\" and \"config\""},
	    {"{" V2 MANIFESTS ",\"fsLayers\":[]}", NULL, EPROTO, "\"manifests\" and \"fsLayers\""},
	    {"{" V2 CONFIG "," LAYERS ",\"fsLayers\":[]}", NULL, EPROTO, "and \"fsLayers\""},
	    {"{" V2 TYPE(OCI_TYPE_INDEX) "," MANIFESTS ",\"layers\":null}", NULL, EPROTO, "both"},
	    {"{" V2 MANIFESTS "," LAYERS ",\"Manifests\":[]}", NULL, EPROTO, "duplicate key"},
	    {"{" V2 MANIFESTS ",\"Layers\":[]}", NULL, EPROTO, "spelt \"Layers\""},
	    {"{" V2 CONFIG "," LAYERS ",\"MANIFESTS\":[]}", NULL, EPROTO, "spelt \"MANIFESTS\""},
	    {"{" V2 CONFIG "," LAYERS ",\"manife\xc5\xbfts\":[]}", NULL, EPROTO, "spelt"},
	    {"{" V2 CONFIG "," LAYERS ",\"mediatype\":\"" OCI_TYPE_INDEX "\"}", NULL, EPROTO,
	     "spelt"},
	    {"{" V2 TYPE(OCI_TYPE_INDEX) "," CONFIG "," LAYERS "}", NULL, EPROTO,
	     "no \"manifests\""},
	    {"{" V2 TYPE(OCI_TYPE_MANIFEST) "," MANIFESTS "}", NULL, EPROTO, "no \"config\""},
	    {"{" V2 CONFIG "," LAYERS "}", OCI_TYPE_INDEX, EPROTO, "no \"manifests\""},
	    {"{" V2 MANIFESTS "}", OCI_TYPE_MANIFEST, EPROTO, "no \"config\""},
	    {"{" V2 TYPE(OCI_TYPE_MANIFEST) "," CONFIG "," LAYERS "}", DOCKER_TYPE_MANIFEST, EPROTO,
	     "declared to be"},
	    {"{" V2 TYPE(OCI_TYPE_INDEX) "," MANIFESTS "}", OCI_TYPE_MANIFEST, EPROTO,
	     "declared to be"},
	    {"{" V2 "\"mediaType\":7," MANIFESTS "}", NULL, EPROTO, "no string"},
	    {"{" V2 "\"a\":1}", NULL, EPROTO, "neither"},
	    {"[]", NULL, EPROTO, "not a JSON object"},
	};
	enum oci_kind kind;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (kind_of(cases[i].text, cases[i].declared, &kind, &err) != -cases[i].error)
			fail_msg("accepted: %s as %s", cases[i].text, cases[i].declared);
		if (!strstr(err.text, cases[i].sentence))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void what_is_not_known_is_said_to_be(void **state)
{
	static const char *const cases[][3] = {
	    {"{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, "schema 1 support has been removed"},
	    {"{\"schemaVersion\":1}", NULL, "schema 1 support has been removed"},
	    {"{}", DOCKER_TYPE_SCHEMA1, "schema 1 support has been removed"},
	    {"{}", "application/vnd.docker.distribution.manifest.v1+json", "schema 1 support"},
	    {"{" V2 CONFIG "," LAYERS "}", "application/vnd.oci.artifact.manifest.v1+json",
	     "is not known"},
	    {"{" V2 TYPE("application/x") "," CONFIG "," LAYERS "}", NULL, "is not known"},
	    {"{\"schemaVersion\":3," CONFIG "," LAYERS "}", NULL, "schema version 3"},
	};
	enum oci_kind kind;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(kind_of(cases[i][0], cases[i][1], &kind, &err), -EOPNOTSUPP);
		assert_non_null(strstr(err.text, cases[i][2]));
	}
}

static int parse_descriptor(const char *text, struct descriptor *d, struct err *err)
{
	autojson *doc = NULL;
	int r = json_parse(text, strlen(text), &doc, err);

	return r ? r : descriptor_parse(doc, d, err);
}

static void descriptors_are_read_whole(void **state)
{
	struct descriptor d, copy;

	(void)state;
	assert_int_equal(
	    parse_descriptor("{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" SHA
			     "\",\"size\":7,\"platform\":{\"os\":\"linux\",\"architecture\":"
			     "\"arm64\",\"variant\":\"v8\"},\"annotations\":{\"a\":\"b\"}}",
			     &d, NULL),
	    0);
	assert_int_equal(descriptor_copy(&copy, &d, NULL), 0);
	descriptor_clear(&d);
	assert_string_equal(copy.media_type, OCI_TYPE_MANIFEST);
	assert_int_equal(copy.size, 7);
	assert_true(copy.has_platform);
	assert_string_equal(copy.platform.architecture, "arm64");
	assert_string_equal(copy.platform.variant, "");
	assert_false(copy.foreign);
	assert_string_equal(json_string(copy.annotations, "a"), "b");
	descriptor_clear(&copy);
}

static void foreign_layers_are_known(void **state)
{
	static const char *const cases[] = {
	    "{\"mediaType\":\"" LAYER "\",\"digest\":\"" SHA "\",\"size\":7,\"urls\":[\"x\"]}",
	    DESC("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
	    DESC("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
	};
	struct descriptor d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse_descriptor(cases[i], &d, NULL), 0);
		assert_true(d.foreign);
		descriptor_clear(&d);
	}
}

static void an_odd_platform_is_none(void **state)
{
	static const char *const platforms[] = {
	    "{\"os\":\"../x\",\"architecture\":\"y\"}",
	    "{\"os\":\"linux\",\"architecture\":\"linux/arm64\"}",
	    "{\"os\":\"linux \",\"architecture\":\"amd64\"}",
	};
	AUTO(config_free) struct config *config = NULL;
	struct descriptor d;

	(void)state;
	for (size_t i = 0; i < sizeof(platforms) / sizeof(*platforms); i++) {
		char text[300];

		snprintf(text, sizeof(text),
			 "{\"mediaType\":\"a/b\",\"digest\":\"" SHA
			 "\",\"size\":1,\"platform\":%s}",
			 platforms[i]);
		assert_int_equal(parse_descriptor(text, &d, NULL), 0);
		assert_false(d.has_platform);
		assert_string_equal(d.platform.os, "");
		descriptor_clear(&d);
		config_free(config);
		config = NULL;
		assert_int_equal(config_parse(platforms[i], strlen(platforms[i]), &config, NULL),
				 0);
		assert_string_equal(config->platform.architecture, "");
	}
}

static void bad_descriptors_are_refused(void **state)
{
#define BAD(type, digest, size) "{\"mediaType\":" type ",\"digest\":" digest ",\"size\":" size "}"
	static const char *const cases[] = {
	    "{}",
	    "[]",
	    "null",
	    BAD("\"a/b\"", "\"sha256:../../x\"", "1"),
	    BAD("\"a/b\"", "\"" SHA "\\u0000x\"", "1"),
	    BAD("\"a/b\"", "7", "1"),
	    BAD("\"a/b\"", "\"" SHA "\"", "-1"),
	    BAD("\"a/b\"", "\"" SHA "\"", "1.5"),
	    BAD("\"a/b\"", "\"" SHA "\"", "\"12\""),
	    BAD("\"a/b\"", "\"" SHA "\"", "9223372036854775807"),
	    BAD("\"a/b\"", "\"" SHA "\"", "1125899906842625"),
	    BAD("\"a\\nb\"", "\"" SHA "\"", "1"),
	    BAD("\"\"", "\"" SHA "\"", "1"),
	    BAD("7", "\"" SHA "\"", "1"),
	    "{\"mediaType\":\"a/b\",\"digest\":\"" SHA "\"}",
	};
	struct descriptor d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (parse_descriptor(cases[i], &d, NULL) != -EPROTO)
			fail_msg("accepted: %s", cases[i]);
}

static void manifests_are_read(void **state)
{
	static const char text[] = "{" V2 CONFIG ",\"layers\":[" DESC(LAYER) "," DESC(LAYER) "]}";
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(manifest_free) struct manifest *empty = NULL;
	struct err err;

	(void)state;
	assert_int_equal(manifest_parse(text, strlen(text), NULL, &m, &err), 0);
	assert_string_equal(m->media_type, OCI_TYPE_MANIFEST);
	assert_string_equal(m->config.media_type, OCI_TYPE_CONFIG);
	assert_int_equal(m->layer_count, 2);
	assert_string_equal(m->layers[1].media_type, LAYER);
	assert_int_equal(manifest_parse("{" V2 CONFIG ",\"layers\":null}",
					strlen("{" V2 CONFIG ",\"layers\":null}"), NULL, &empty,
					&err),
			 0);
	assert_int_equal(empty->layer_count, 0);
}

static void bad_manifests_are_refused(void **state)
{
	static const char *const cases[] = {
	    "{" V2 MANIFESTS "}",
	    "{" V2 LAYERS "}",
	    "{" V2 "\"config\":null," LAYERS "}",
	    "{" V2 "\"config\":[]," LAYERS "}",
	    "{" V2 CONFIG ",\"layers\":{}}",
	    "{" V2 CONFIG ",\"layers\":[7]}",
	    "{" V2 CONFIG "," LAYERS,
	};
	struct manifest *m;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (manifest_parse(cases[i], strlen(cases[i]), NULL, &m, &err) != -EPROTO)
			fail_msg("accepted: %s", cases[i]);
}

static void documents_and_lists_have_limits(void **state)
{
	autobuf b = BUF_INIT;
	struct manifest *m;
	struct index *index;
	struct err err;

	(void)state;
	buf_puts(&b, "{" V2 CONFIG ",\"layers\":[" DESC(LAYER));
	for (int i = 1; i < OCI_LAYERS_MAX; i++)
		buf_puts(&b, "," DESC(LAYER));
	buf_puts(&b, "]}");
	assert_int_equal(manifest_parse(b.data, b.len, NULL, &m, &err), 0);
	manifest_free(m);
	b.len -= 2;
	buf_puts(&b, "," DESC(LAYER) "]}");
	assert_int_equal(manifest_parse(b.data, b.len, NULL, &m, &err), -EPROTO);
	buf_reset(&b);
	buf_puts(&b, "{" V2 "\"manifests\":[" DESC(OCI_TYPE_MANIFEST));
	for (int i = 0; i < OCI_INDEX_MAX; i++)
		buf_puts(&b, "," DESC(OCI_TYPE_MANIFEST));
	buf_puts(&b, "]}");
	assert_int_equal(index_parse(b.data, b.len, NULL, &index, &err), -EPROTO);
	buf_reset(&b);
	buf_puts(&b, "{" V2 CONFIG "," LAYERS "}");
	memset(buf_reserve(&b, OCI_MANIFEST_MAX), ' ', OCI_MANIFEST_MAX);
	b.len += OCI_MANIFEST_MAX;
	assert_int_equal(manifest_parse(b.data, b.len, NULL, &m, &err), -EPROTO);
	assert_non_null(strstr(err.text, "larger than"));
}

static void configs_are_read(void **state)
{
	static const char text[] =
	    "{\"created\":\"2024-01-02T03:04:05Z\",\"os\":\"linux\",\"architecture\":\"arm64\","
	    "\"variant\":\"v8\",\"config\":{\"Labels\":{\"Name\":\"a\",\"name\":\"b\"}},"
	    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" SHA "\",\"" SHA "\"]},"
	    "\"history\":[{\"created_by\":\"ADD a\"},{\"created_by\":\"ENV b\","
	    "\"empty_layer\":true},{\"created_by\":\"RUN c\",\"comment\":\"d\"}]}";
	AUTO(config_free) struct config *c = NULL;
	AUTO(config_free) struct config *empty = NULL;
	struct err err;

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), &c, &err), 0);
	assert_string_equal(c->created, "2024-01-02T03:04:05Z");
	assert_string_equal(c->platform.architecture, "arm64");
	assert_string_equal(c->platform.variant, "");
	assert_int_equal(c->diff_id_count, 2);
	assert_int_equal(c->history_count, 3);
	assert_string_equal(config_layer_history(c, 0)->created_by, "ADD a");
	assert_string_equal(config_layer_history(c, 1)->created_by, "RUN c");
	assert_null(config_layer_history(c, 2));
	assert_int_equal(config_parse("{}", 2, &empty, &err), 0);
	assert_int_equal(empty->diff_id_count, 0);
	assert_null(config_layer_history(empty, 0));
}

static void bad_configs_are_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "[]",
	    "{\"rootfs\":{\"diff_ids\":[7]}}",
	    "{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}",
	    "{\"rootfs\":{\"diff_ids\":[\"" SHA "\\u0000\"]}}",
	    "{\"os\":\"linux\",\"OS\":\"windows\"}",
	};
	struct config *c;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (config_parse(cases[i], strlen(cases[i]), &c, &err) != -EPROTO)
			fail_msg("accepted: %s", cases[i]);
}

static void times_of_rfc_3339_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		uint32_t ns;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0, 0},
	    {"2024-02-29T12:34:56.123456789Z", 1709210096, 123456789},
	    {"2024-02-29T12:34:56.5+02:00", 1709202896, 500000000},
	    {"2024-02-29t12:34:56.1234567891z", 1709210096, 123456789},
	    {"2024-02-29 12:34:56-00:30", 1709211896, 0},
	    {"0001-01-01T00:00:00Z", -62135596800, 0},
	    {"1969-12-31T23:59:59.25Z", -1, 250000000},
	    {"9999-12-31T23:59:59Z", 253402300799, 0},
	    {"2016-12-31T23:59:60Z", 1483228800, 0},
	    {"2000-02-29T00:00:00Z", 951782400, 0},
	    {"2100-03-01T00:00:00Z", 4107542400, 0},
	};
	int64_t seconds;
	uint32_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(oci_time_parse(cases[i].text, &seconds, &ns, NULL), 0);
		assert_true(seconds == cases[i].seconds);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void other_texts_are_no_times(void **state)
{
	static const char *const cases[] = {
	    "",
	    "2024",
	    "2024-02-30T00:00:00Z",
	    "2023-02-29T00:00:00Z",
	    "2100-02-29T00:00:00Z",
	    "2024-13-01T00:00:00Z",
	    "2024-01-01T24:00:00Z",
	    "2024-01-01T00:60:00Z",
	    "2024-01-01T00:00:00",
	    "2024-01-01T00:00:00.Z",
	    "2024-01-01T00:00:00+0100",
	    "2024-01-01T00:00:00Zx",
	    "2024-01-01T00:00:00+24:00",
	    "20240101T000000Z",
	};
	int64_t seconds;
	uint32_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (oci_time_parse(cases[i], &seconds, &ns, NULL) != -EINVAL)
			fail_msg("accepted: %s", cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_and_types_tell_the_kind),
	    cmocka_unit_test(ambiguous_documents_are_refused),
	    cmocka_unit_test(what_is_not_known_is_said_to_be),
	    cmocka_unit_test(descriptors_are_read_whole),
	    cmocka_unit_test(foreign_layers_are_known),
	    cmocka_unit_test(an_odd_platform_is_none),
	    cmocka_unit_test(bad_descriptors_are_refused),
	    cmocka_unit_test(manifests_are_read),
	    cmocka_unit_test(bad_manifests_are_refused),
	    cmocka_unit_test(documents_and_lists_have_limits),
	    cmocka_unit_test(configs_are_read),
	    cmocka_unit_test(bad_configs_are_refused),
	    cmocka_unit_test(times_of_rfc_3339_are_read),
	    cmocka_unit_test(other_texts_are_no_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

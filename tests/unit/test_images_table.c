/* SPDX-License-Identifier: MIT */
#include "fs/docker/history_table.h"
#include "fs/docker/images_table.h"
#include "fs/docker/inspect.h"
#include "fs/docker/units.h"
#include "store/disk/blob.h"
#include "store/disk/names.h"
#include "tests/unit/sample_image.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <time.h>

#define NOW 1700000000 /* 2023-11-14T22:13:20Z */

struct scene {
	struct scratch dir;
	struct store *store;
	struct platform platform;
	struct sample_image old,
	    young;	     /* redis:6 and app@…; redis:7, redis:latest, ghcr.io/a/b:v1 */
	struct sample index; /* multi:1, of young */
};

static void put(struct scene *s, const struct sample *x)
{
	assert_int_equal(blob_put(s->store, &x->digest, x->body.data, x->body.len, NULL), 0);
}

static void name(struct scene *s, const char *reference, const char *type, const struct sample *x)
{
	struct descriptor d = {
	    .media_type = (char *)type, .digest = x->digest, .size = x->body.len};

	struct err err;

	if (names_set(s->store, reference, &d, &err) < 0)
		fail_msg("%s", err.text);
}

static void fill(struct scene *s)
{
	char digest[DIGEST_TEXT_MAX], by_digest[200];

	sample_image_make(&s->old, "old", 1, "\"created\":\"2020-01-01T00:00:00Z\",");
	sample_image_make(
	    &s->young, "young", 2,
	    "\"created\":\"2023-11-14T19:13:20.5Z\",\"author\":\"me\","
	    "\"config\":{\"Env\":[\"A=<b>\"],\"Labels\":{\"z\":\"1\",\"a\":\"2\"},\"Cmd\":[\"sh\"],"
	    "\"User\":\"\",\"ExposedPorts\":{\"80/tcp\":{}},\"Other\":1},"
	    "\"history\":[{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"ADD root\\t/\"},"
	    "{\"created\":\"2023-11-14T19:13:19Z\",\"created_by\":\"CMD [\\\"sh\\\"]\","
	    "\"empty_layer\":true},"
	    "{\"created\":\"2023-11-14T19:13:20Z\",\"created_by\":"
	    "\"RUN /bin/sh -c 1234567890123456789012345678901234567890 # buildkit\","
	    "\"comment\":\"buildkit.dockerfile.v0\"}],");
	put(s, &s->old.manifest);
	put(s, &s->old.config);
	put(s, &s->young.manifest);
	put(s, &s->young.config);
	sample_index_make(&s->index, OCI_TYPE_MANIFEST, &s->young.manifest, "s390x");
	put(s, &s->index);
	name(s, "docker.io/library/redis:6", OCI_TYPE_MANIFEST, &s->old.manifest);
	name(s, "docker.io/library/redis:7", OCI_TYPE_MANIFEST, &s->young.manifest);
	name(s, "docker.io/library/redis:latest", OCI_TYPE_MANIFEST, &s->young.manifest);
	name(s, "ghcr.io/a/b:v1", OCI_TYPE_MANIFEST, &s->young.manifest);
	name(s, "docker.io/library/multi:1", OCI_TYPE_INDEX, &s->index);
	name(s, "docker.io/library/gone:1", OCI_TYPE_MANIFEST, &s->old.layers[0].blob);
	digest_text(&s->young.manifest.digest, digest);
	snprintf(by_digest, sizeof(by_digest), "docker.io/library/redis@%s", digest);
	name(s, by_digest, OCI_TYPE_MANIFEST, &s->young.manifest);
	digest_text(&s->old.manifest.digest, digest);
	snprintf(by_digest, sizeof(by_digest), "docker.io/library/app@%s", digest);
	name(s, by_digest, OCI_TYPE_MANIFEST, &s->old.manifest);
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	setenv("TZ", "UTC", 1);
	tzset();
	s->dir = scratch_make();
	assert_int_equal(store_open(s->dir.path, &s->store, NULL), 0);
	platform_parse("linux/amd64", &s->platform, NULL);
	fill(s);
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	store_close(s->store);
	scratch_drop(&s->dir);
	sample_image_free(&s->old);
	sample_image_free(&s->young);
	buf_free(&s->index.body);
	free(s);
	return 0;
}

/* Appends the text, in which D1 and D2 stand for so many digits of the ids of old and young, S1 and
 * S2 for their sizes, s1 and s2 for those of young's layers. */
static void expect(const struct scene *s, struct buf *out, const char *text, int digits)
{
	size_t lower = s->young.layers[0].blob.body.len;
	char hex[2][DIGEST_HEX_MAX], size[4][UNITS_TEXT_MAX];

	digest_hex(&s->old.config.digest, hex[0]);
	digest_hex(&s->young.config.digest, hex[1]);
	units_size(s->old.layers[0].blob.body.len, 3, size[0]);
	units_size(lower + s->young.layers[1].blob.body.len, 3, size[1]);
	units_size(lower, 3, size[2]);
	units_size(s->young.layers[1].blob.body.len, 3, size[3]);
	for (; *text; text++) {
		bool placeholder = text[0] && (text[1] == '1' || text[1] == '2');

		if (placeholder && text[0] == 'D')
			buf_printf(out, "%.*s", digits, hex[*++text - '1']);
		else if (placeholder && text[0] == 'S')
			buf_puts(out, size[*++text - '1']);
		else if (placeholder && text[0] == 's')
			buf_puts(out, size[*++text - '1' + 2]);
		else
			buf_putc(out, *text);
	}
}

static int images(struct scene *s, const char *line, struct buf *out, struct err *err)
{
	autowords words = WORDS_INIT;

	assert_int_equal(words_split(line, &words, NULL), 0);
	return images_table(s->store, &s->platform, &words, NOW, out, err);
}

static void assert_images(struct scene *s, const char *line, const char *text, int digits)
{
	autobuf out = BUF_INIT, wanted = BUF_INIT;
	struct err err;

	if (images(s, line, &out, &err) < 0)
		fail_msg("%s", err.text);
	expect(s, &wanted, text, digits);
	assert_string_equal(out.data ? out.data : "", wanted.data ? wanted.data : "");
}

static void images_are_listed_newest_first_a_row_for_every_name(void **state)
{
	assert_images(*state, "",
		      "REPOSITORY    TAG       IMAGE ID       CREATED       SIZE\n"
		      "ghcr.io/a/b   v1        D2   3 hours ago   S2\n"
		      "multi         1         D2   3 hours ago   S2\n"
		      "redis         7         D2   3 hours ago   S2\n"
		      "redis         latest    D2   3 hours ago   S2\n"
		      "app           <none>    D1   3 years ago   S1\n"
		      "redis         6         D1   3 years ago   S1\n"
		      "gone          1         <none>         N/A           0B\n",
		      12);
}

static void ids_are_printed_short_or_whole(void **state)
{
	assert_images(*state, "-q", "D2\nD2\nD2\nD2\nD1\nD1\n", 12);
	assert_images(*state, "--no-trunc -q redis:6", "sha256:D1\n", 64);
}

static void references_are_filtered_in_every_form(void **state)
{
	static const struct {
		const char *line, *ids;
	} cases[] = {
	    {"-q redis", "D2\nD2\nD1\n"},
	    {"-q redis:6", "D1\n"},
	    {"-q 'redi?'", "D2\nD2\nD1\n"},
	    {"-q edi", ""},
	    {"-q '*'", "D2\nD2\nD2\nD1\nD1\n"}, /* not ghcr.io/a/b: a star stops at a slash */
	    {"-q 'ghcr.io/*/b'", "D2\n"},
	    {"-q docker.io/library/redis:7", "D2\n"},
	    {"-q 'docker.io/library/*:l*'", "D2\n"},
	    {"-q --filter reference=redis:6 -f reference=redis:7", "D2\nD1\n"},
	    {"-qf ' Reference = redis:6 '", "D1\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_images(*state, cases[i].line, cases[i].ids, 12);
}

static void digests_have_a_column(void **state)
{
	struct scene *s = *state;
	char digest[DIGEST_TEXT_MAX], text[512];

	snprintf(text, sizeof(text),
		 "REPOSITORY   TAG       %-74sIMAGE ID       CREATED       SIZE\n"
		 "redis        6         %s   D1   3 years ago   S1\n",
		 "DIGEST", digest_text(&s->old.manifest.digest, digest));
	assert_images(s, "--digests redis:6", text, 12);
}

static void json_has_docker_s_keys(void **state)
{
	assert_images(*state, "--format json redis:6",
		      "{\"Containers\":\"N/A\",\"CreatedAt\":\"2020-01-01 00:00:00 +0000 UTC\","
		      "\"CreatedSince\":\"3 years ago\",\"Digest\":\"\\u003cnone\\u003e\","
		      "\"ID\":\"D1\",\"Repository\":\"redis\",\"SharedSize\":\"N/A\","
		      "\"Size\":\"S1\",\"Tag\":\"6\",\"UniqueSize\":\"N/A\"}\n",
		      12);
}

static void mistakes_are_told_in_docker_s_words(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
	    {"a b", "'images' requires at most 1 argument"},
	    {"--nope", "unknown flag: --nope"},
	    {"-f foo", "invalid argument \"foo\" for \"-f, --filter\" flag: bad format of filter "
		       "(expected name=value)"},
	    {"-f foo=x", "invalid filter 'foo'"},
	    {"-f 'reference=['", "syntax error in pattern"},
	    {"-f dangling=x", "invalid filter 'dangling=[x]'"},
	    {"-f until=soon", "invalid value for 'until' filter: failed to parse value as time or "
			      "duration: \"soon\""},
	    {"--format {{.Nope}}",
	     "template parsing error: template: :1:2: executing \"\" at <.Nope>: "
	     "can't evaluate field Nope in type struct"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf out = BUF_INIT;
		struct err err;

		assert_int_equal(images(*state, cases[i].line, &out, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].text);
	}
}

static struct image *open_young(struct scene *s, const struct sample *top, const char *type)
{
	struct descriptor d = {
	    .media_type = (char *)type, .digest = top->digest, .size = top->body.len};
	struct image *i = NULL;
	struct err err;

	if (image_open(s->store, &d, &s->platform, IMAGE_LOCAL, &i, &err) < 0)
		fail_msg("%s", err.text);
	return i;
}

static void history_is_told_newest_first(void **state)
{
	struct scene *s = *state;
	AUTO(image_close) struct image *i = open_young(s, &s->young.manifest, OCI_TYPE_MANIFEST);
	autobuf out = BUF_INIT, wanted = BUF_INIT;

	assert_int_equal(history_table(s->store, i, &(struct history_options){0}, NOW, &out, NULL),
			 0);
	expect(s, &wanted,
	       "IMAGE          CREATED       CREATED BY                                      SIZE"
	       "      COMMENT\n"
	       "D2   3 hours ago   RUN /bin/sh -c 12345678901234567890123456789…   s2     "
	       "buildkit.dockerfile.v0\n"
	       "<missing>      3 hours ago   CMD [\"sh\"]                                      0B"
	       "        \n"
	       "<missing>      N/A           ADD root /                                      s1"
	       "      \n",
	       12);
	assert_string_equal(out.data, wanted.data);
}

static void inspect_has_docker_s_keys_in_its_order(void **state)
{
	struct scene *s = *state;
	AUTO(image_close) struct image *i = open_young(s, &s->index, OCI_TYPE_INDEX);
	autobuf out = BUF_INIT;
	AUTO(names_put) struct names *names = NULL;
	char text[4096], id[DIGEST_TEXT_MAX], top[DIGEST_TEXT_MAX], diff[2][DIGEST_TEXT_MAX];

	names_get(s->store, &names, NULL);
	assert_int_equal(inspect_json(s->store, i, names, &out, NULL), 0);
	snprintf(text, sizeof(text),
		 "[\n    {\n"
		 "        \"Id\": \"%s\",\n"
		 "        \"RepoTags\": [\n            \"multi:1\"\n        ],\n"
		 "        \"RepoDigests\": [\n            \"multi@%s\"\n        ],\n"
		 "        \"Comment\": \"buildkit.dockerfile.v0\",\n"
		 "        \"Created\": \"2023-11-14T19:13:20.5Z\",\n"
		 "        \"Author\": \"me\",\n"
		 "        \"Config\": {\n"
		 "            \"ExposedPorts\": {\n                \"80/tcp\": {}\n            },\n"
		 "            \"Env\": [\n                \"A=<b>\"\n            ],\n"
		 "            \"Cmd\": [\n                \"sh\"\n            ],\n"
		 "            \"Labels\": {\n                \"a\": \"2\",\n"
		 "                \"z\": \"1\"\n            }\n"
		 "        },\n"
		 "        \"Architecture\": \"amd64\",\n"
		 "        \"Os\": \"linux\",\n"
		 "        \"Size\": %zu,\n"
		 "        \"RootFS\": {\n            \"Type\": \"layers\",\n"
		 "            \"Layers\": [\n                \"%s\",\n                \"%s\"\n"
		 "            ]\n        },\n"
		 "        \"Metadata\": {\n            \"LastTagTime\": \"",
		 digest_text(&s->young.config.digest, id), digest_text(&s->index.digest, top),
		 s->young.layers[0].blob.body.len + s->young.layers[1].blob.body.len,
		 digest_text(&s->young.layers[0].diff_id, diff[0]),
		 digest_text(&s->young.layers[1].diff_id, diff[1]));
	assert_true(strlen(text) < out.len);
	out.data[strlen(text)] = '\0';
	assert_string_equal(out.data, text);
	snprintf(
	    text, sizeof(text),
	    "        \"Descriptor\": {\n"
	    "            \"mediaType\": \"" OCI_TYPE_INDEX "\",\n"
	    "            \"digest\": \"%s\",\n            \"size\": %zu\n        }\n    }\n]\n",
	    top, s->index.body.len);
	assert_string_equal(out.data + out.len - strlen(text), text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)
	const struct CMUnitTest tests[] = {
	    TEST(images_are_listed_newest_first_a_row_for_every_name),
	    TEST(ids_are_printed_short_or_whole),
	    TEST(references_are_filtered_in_every_form),
	    TEST(digests_have_a_column),
	    TEST(json_has_docker_s_keys),
	    TEST(mistakes_are_told_in_docker_s_words),
	    TEST(history_is_told_newest_first),
	    TEST(inspect_has_docker_s_keys_in_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

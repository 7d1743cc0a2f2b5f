/* SPDX-License-Identifier: MIT */
/* Layers that are read by zTOCs of ours: written from the index, and read without it. */
#include "tests/unit/layer_world.h"

#include "store/lazy/soci.h"
#include "store/lazy/ztoc.h"
#include "store/lazy/ztoc_build.h"
#include "store/lazy/ztoc_write.h"
#include "store/tree/tree.h"

#include <errno.h>

#define GZIP  "application/vnd.oci.image.layer.v1.tar+gzip"
#define PLAIN "application/vnd.oci.image.layer.v1.tar"

static struct descriptor describe(const struct digest *blob, const char *type)
{
	struct descriptor d = {.media_type = (char *)type, .digest = *blob};
	struct err err;
	int fd = blob_open(world.store, blob, &d.size, &err);

	assert_true(fd >= 0);
	close(fd);
	return d;
}

static struct buf write_ztoc(const struct digest *blob)
{
	struct buf b = BUF_INIT;
	struct err err;

	build(blob);
	if (ztoc_write(world.store, blob, NULL, &b, &err))
		fail_msg("%s", err.text);
	return b;
}

static struct layer *open_by_ztoc(const struct digest *blob)
{
	struct blob_source *source;
	struct layer *l;
	struct err err;

	assert_int_equal(blob_source_open(world.store, blob, &source, &err), 0);
	if (layer_open_source(world.store, world.cache, blob, LAYER_CHECK_PACKED, source, &l, &err))
		fail_msg("%s", err.text);
	return l;
}

static void assert_same_entries(const struct layer_index *a, const struct layer_index *b)
{
	AUTO(toc_reader_close) struct toc_reader *x = NULL, *y = NULL;
	struct entry e, f;
	struct err err;
	int r;

	assert_int_equal(layer_index_entries(a), layer_index_entries(b));
	assert_int_equal(layer_index_toc(a, &x, &err), 0);
	assert_int_equal(layer_index_toc(b, &y, &err), 0);
	while ((r = toc_reader_next(x, &e, &err)) == TOC_ENTRY) {
		assert_int_equal(toc_reader_next(y, &f, &err), TOC_ENTRY);
		assert_string_equal(e.path, f.path);
		assert_string_equal(e.link, f.link);
		assert_int_equal(e.mode, f.mode);
		assert_int_equal(e.uid, f.uid);
		assert_int_equal(e.size, f.size);
		assert_int_equal(e.mtime, f.mtime);
		assert_int_equal(e.mtime_ns, f.mtime_ns);
		assert_int_equal(e.data, f.data);
	}
	assert_int_equal(r, TOC_END);
}

static void round_trip(const struct digest *blob, const char *type)
{
	struct buf ztoc = write_ztoc(blob);
	struct descriptor d = describe(blob, type);
	struct layer *by_blocks = open_layer(blob), *by_ztoc;
	struct err err;

	if (ztoc_build(world.store, ztoc.data, ztoc.len, &d, &world.diff_id, LAYER_CHECK_PACKED,
		       NULL, NULL, &err))
		fail_msg("%s", err.text);
	by_ztoc = open_by_ztoc(blob);
	assert_int_equal(layer_index_check(layer_index(by_ztoc)), LAYER_CHECK_PACKED);
	assert_same_entries(layer_index(by_blocks), layer_index(by_ztoc));
	assert_range(by_ztoc, 0, world.tar.n);
	assert_random_ranges(by_ztoc, 100);
	layer_close(by_ztoc);
	layer_close(by_blocks);
	buf_free(&ztoc);
}

static void what_is_written_reads_as_the_layer(void **state)
{
	static const char *const commands[] = {"gzip -1", "gzip -9",
					       "split -b 700000 --filter=gzip"};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct digest blob = put_filtered(commands[i]);

		round_trip(&blob, GZIP);
	}
}

static void so_does_a_plain_layer(void **state)
{
	struct digest blob = put_blob(world.tar);

	(void)state;
	round_trip(&blob, PLAIN);
}

static void spans_are_cut_by_the_rule(void **state)
{
	struct digest blob = put_filtered("gzip -6");
	struct buf b = write_ztoc(&blob);
	struct descriptor d = describe(&blob, GZIP);
	struct ztoc_span s;
	struct ztoc z;
	struct err err;

	(void)state;
	assert_int_equal(ztoc_open(b.data, b.len, COMPRESSION_GZIP, d.size, &z, &err), 0);
	assert_true(z.spans > 2);
	for (uint32_t i = 0; i < z.spans; i++) {
		assert_int_equal(ztoc_span(&z, i, &s, &err), 0);
		if (i + 1 < z.spans)
			assert_true(s.out_end - s.from.out > ZTOC_SPAN_SIZE);
	}
	assert_int_equal(s.out_end, world.tar.n);
	buf_free(&b);
}

/* A copy of the blob with a byte inverted, over the same zTOC. */
static void bytes_of_another_digest_are_not_decoded(void **state)
{
	struct bytes gz = sample_filter("gzip -5", world.tar);
	struct digest blob = put_blob(gz), other;
	struct buf b = write_ztoc(&blob);
	struct descriptor d = describe(&blob, GZIP);
	uint8_t data[100];
	struct ztoc_span s;
	struct ztoc z;
	struct layer *l;
	struct err err;

	(void)state;
	assert_int_equal(ztoc_open(b.data, b.len, COMPRESSION_GZIP, d.size, &z, &err), 0);
	assert_int_equal(ztoc_span(&z, 1, &s, &err), 0);
	gz.p[s.in_end - 1] ^= 1; /* the byte that may be of two spans */
	other = put_blob(gz);
	d.digest = other;
	assert_int_equal(ztoc_build(world.store, b.data, b.len, &d, &world.diff_id,
				    LAYER_CHECK_PACKED, NULL, NULL, &err),
			 0);
	l = open_by_ztoc(&other);
	assert_range(l, 0, (size_t)s.from.out);
	assert_int_equal(layer_read(l, s.from.out, data, sizeof(data), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "do not match their digest"));
	assert_int_equal(layer_read(l, s.out_end - 50, data, 50, &err), -EBADMSG);
	assert_true(layer_intact(l)); /* the index is not to blame */
	layer_close(l);
	buf_free(&b);
	free(gz.p);
}

static void of_zstd_there_is_none(void **state)
{
	struct digest blob = put_filtered("zstd -q");
	struct buf b = BUF_INIT;
	struct err err;

	(void)state;
	build(&blob);
	assert_int_equal(ztoc_write(world.store, &blob, NULL, &b, &err), -EOPNOTSUPP);
	assert_int_equal(b.len, 0);
}

/* How it is read by an image whose manifest names a SOCI index of that first byte. */
static enum layer_check read_by(const struct digest *blob, uint8_t index)
{
	const struct layer_vouchers vouchers = {.soci = {index}};

	return layer_name_of(world.store, blob, &vouchers).check;
}

static void build_ztoc(const struct digest *blob, const struct buf *ztoc, enum layer_check kind,
		       uint8_t index)
{
	const struct digest voucher = {.bytes = {index}};
	struct descriptor d = describe(blob, GZIP);
	struct err err;

	assert_int_equal(ztoc_build(world.store, ztoc->data, ztoc->len, &d, &world.diff_id, kind,
				    index ? &voucher : NULL, NULL, &err),
			 0);
}

static void a_referred_one_counts_where_the_store_trusts_it(void **state)
{
	struct digest blob = put_filtered("gzip -4");
	struct buf b = write_ztoc(&blob);

	(void)state;
	build_ztoc(&blob, &b, LAYER_CHECK_REFERRED, 0);
	assert_int_equal(read_by(&blob, 0), LAYER_CHECK_BLOCKS);
	store_trust_referrers(world.store);
	assert_int_equal(read_by(&blob, 0), LAYER_CHECK_REFERRED);
	build_ztoc(&blob, &b, LAYER_CHECK_PACKED, 7);
	assert_int_equal(read_by(&blob, 7), LAYER_CHECK_PACKED);
	layer_name_drop_table(world.store, &blob);
	assert_int_equal(read_by(&blob, 7), LAYER_CHECK_BLOCKS);
	buf_free(&b);
}

/* Another image that has the same blob may say of it what it likes. */
static void one_counts_for_images_that_vouch_for_it(void **state)
{
	struct digest blob = put_filtered("gzip -5");
	struct buf b = write_ztoc(&blob);
	const struct layer_vouchers seven = {.soci = {7}}, eight = {.soci = {8}};
	struct layer_name first, second;
	AUTO(layer_index_close) struct layer_index *index = NULL;
	struct digest one, other;
	struct layer *l;
	struct err err;

	(void)state;
	build_ztoc(&blob, &b, LAYER_CHECK_PACKED, 7);
	assert_int_equal(read_by(&blob, 8), LAYER_CHECK_BLOCKS);
	first = layer_name_of(world.store, &blob, &seven);
	assert_int_equal(first.check, LAYER_CHECK_PACKED);
	build_ztoc(&blob, &b, LAYER_CHECK_PACKED, 8); /* takes its place */
	second = layer_name_of(world.store, &blob, &eight);
	assert_int_equal(second.check, LAYER_CHECK_PACKED);
	assert_int_equal(layer_name_index(world.store, &first, &index, &err), -ENOENT);
	assert_int_equal(layer_open_name(world.store, world.cache, &first, 0, &l, &err), -ENOENT);
	assert_int_equal(layer_name_index(world.store, &second, &index, &err), 0);
	tree_digest(TREE_MERGED, &first, 1, &one, NULL);
	tree_digest(TREE_MERGED, &second, 1, &other, NULL);
	assert_false(digest_equal(&one, &other));
	buf_free(&b);
}

/* ---- SOCI indexes ---- */

#define LAYER_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CONFIG(type)                                                                               \
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" type                                   \
	"\",\"size\":2,\"digest\":\"" LAYER_A "\"}"
#define ZTOC(notes)                                                                                \
	",\"layers\":[{\"mediaType\":\"application/"                                               \
	"octet-stream\",\"size\":9,\"digest\":\"" LAYER_A "\",\"annotations\":{" notes "}}]"
#define OF_A ZTOC("\"com.amazon.soci.image-layer-digest\":\"" LAYER_A "\"")
#define SUBJECT                                                                                    \
	",\"subject\":{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"size\":9,\"digest\":\"" LAYER_A   \
	"\"}"

static int read_soci(const char *text, const char *image, struct soci **out)
{
	static const struct digest self = {.bytes = {5}};
	AUTO(manifest_free) struct manifest *m = NULL;
	struct digest digest;
	struct err err;

	if (manifest_parse(text, strlen(text), OCI_TYPE_MANIFEST, &m, &err))
		fail_msg("%s", err.text);
	if (image)
		assert_int_equal(digest_parse(image, &digest, NULL), 0);
	return soci_open(m, &self, image ? &digest : NULL, out, &err);
}

static void an_index_is_what_its_config_says_of_the_image_that_it_names(void **state)
{
	static const char other[] =
	    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	struct descriptor layer = {.media_type = (char *)GZIP};
	struct soci *s;

	(void)state;
	digest_parse(LAYER_A, &layer.digest, NULL);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V2) OF_A "}", NULL, &s), 0);
	assert_int_equal(soci_check(s), LAYER_CHECK_PACKED);
	assert_int_equal(soci_voucher(s)->bytes[0], 5);
	assert_int_equal(soci_ztoc(s, &layer)->size, 9);
	soci_close(s);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V1) OF_A SUBJECT "}", LAYER_A, &s), 0);
	assert_int_equal(soci_check(s), LAYER_CHECK_REFERRED);
	assert_null(soci_voucher(s));
	soci_close(s);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V1) OF_A SUBJECT "}", other, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V1) OF_A "}", LAYER_A, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V1) OF_A SUBJECT "}", NULL, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V2) OF_A SUBJECT "}", LAYER_A, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(OCI_TYPE_CONFIG) OF_A "}", NULL, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V2) ZTOC("") "}", NULL, &s), -EBADMSG);
	assert_int_equal(read_soci(CONFIG(SOCI_TYPE_V2) ZTOC(
				       "\"com.amazon.soci.image-layer-digest\":\"" LAYER_A
				       "\",\"com.amazon.soci.image-layer-mediaType\":\"x\"") "}",
				   NULL, &s),
			 0);
	assert_null(soci_ztoc(s, &layer)); /* of that type */
	soci_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_reads_as_the_layer),
	    cmocka_unit_test(so_does_a_plain_layer),
	    cmocka_unit_test(spans_are_cut_by_the_rule),
	    cmocka_unit_test(bytes_of_another_digest_are_not_decoded),
	    cmocka_unit_test(of_zstd_there_is_none),
	    cmocka_unit_test(a_referred_one_counts_where_the_store_trusts_it),
	    cmocka_unit_test(one_counts_for_images_that_vouch_for_it),
	    cmocka_unit_test(an_index_is_what_its_config_says_of_the_image_that_it_names),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}

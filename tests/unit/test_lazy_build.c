/* SPDX-License-Identifier: MIT */
/* A layer's table of contents, made into its index, by which it is read. */
#include "tests/unit/lazy_make.h"

#include <sys/stat.h>
#include <unistd.h>

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"

#define STARGZ(digest) "\"containerd.io/snapshot/stargz/toc.digest\":\"" digest "\""
#define CHUNKED(digest, position)                                                                  \
	"\"io.github.containers.zstd-chunked.manifest-checksum\":\"" digest                        \
	"\",\"io.github.containers.zstd-chunked.manifest-position\":\"" position "\""
#define SHA "sha256:" A64

static struct bytes text;

/* A file of the table whose content is text[at..at+len), in a part of its own. */
static void add_file(struct lazy_layer *l, struct buf *json, enum lazy_format f, const char *name,
		     size_t at, size_t len)
{
	uint64_t offset = make_part(&l->blob, f, text.p + at, len), end = l->blob.len;

	buf_printf(json, "%s{\"type\":\"reg\",\"name\":\"%s\",\"size\":%zu,\"offset\":%llu",
		   json->data[json->len - 1] == '[' ? "" : ",", name, len,
		   (unsigned long long)offset);
	if (f == LAZY_ZSTD_CHUNKED)
		buf_printf(json, ",\"endOffset\":%llu", (unsigned long long)end);
	buf_printf(json, ",\"digest\":\"%s\"}", sha256_text(text.p + at, len));
	/* The header of the next file, which is nobody's content. */
	make_part(&l->blob, f, text.p, 700);
}

/* Three files; the blob begins with a header. */
static void make_layer(struct lazy_layer *l, enum lazy_format f, bool legacy)
{
	static size_t number; /* so that no two are the same */
	autobuf json = BUF_INIT;

	make_part(&l->blob, f, &number, sizeof(number));
	number++;
	buf_puts(&json, "{\"version\":1,\"entries\":[");
	add_file(l, &json, f, "a", 1000, 100);
	add_file(l, &json, f, "b", 5000, LAYER_SPAN_MAX);
	add_file(l, &json, f, "c", 7, 70000);
	buf_puts(&json, "]}");
	if (f == LAZY_ESTARGZ)
		make_estargz(l, json.data, legacy);
	else
		make_chunked(l, json.data);
}

static void assert_content(struct layer *l, uint64_t offset, const void *wanted, size_t len)
{
	autofree uint8_t *data = malloc(len);
	struct err err;

	if (layer_read(l, offset, data, len, &err))
		fail_msg("%s", err.text);
	assert_memory_equal(data, wanted, len);
}

static void a_layer_is_read_by_its_own_table(void **state)
{
	static const size_t steps[] = {1 << 20, 1, 777};

	(void)state;
	for (int form = 0; form < 3; form++) {
		autolayer l = {0};
		struct layer *layer;
		struct err err;

		make_layer(&l, form == 2 ? LAZY_ZSTD_CHUNKED : LAZY_ESTARGZ, form == 1);
		if (build_lazily(&l, steps[form], &err))
			fail_msg("%s", err.text);
		layer = open_lazily(&l);
		assert_int_equal(layer_index_entries(layer_index(layer)), 3);
		assert_content(layer, 0, text.p + 1000, 100);
		assert_content(layer, 100, text.p + 5000, LAYER_SPAN_MAX);
		assert_content(layer, 100 + LAYER_SPAN_MAX, text.p + 7, 70000);
		layer_close(layer);
	}
}

/* What has to be fetched for a file is its own part, however far the next one is away. */
static void a_span_has_no_more_compressed_bytes_than_it_can_need(void **state)
{
	autolayer l = {0};
	autobuf json = BUF_INIT;
	struct layer_part part;
	struct layer *layer;
	struct err err;

	(void)state;
	make_part(&l.blob, LAZY_ESTARGZ, text.p, 512);
	buf_puts(&json, "{\"version\":1,\"entries\":[");
	add_file(&l, &json, LAZY_ESTARGZ, "a", 1000, 100);
	make_part(&l.blob, LAZY_ESTARGZ, text.p, 1 << 20);
	add_file(&l, &json, LAZY_ESTARGZ, "b", 0, 100);
	buf_puts(&json, "]}");
	make_estargz(&l, json.data, false);
	assert_int_equal(build_lazily(&l, 1 << 20, &err), 0);
	layer = open_lazily(&l);
	assert_int_equal(layer_index_find(layer_index(layer), 0, &part), 0);
	assert_true(part.span.in_end - part.span.from.in < 5000);
	assert_content(layer, 0, text.p + 1000, 100);
	layer_close(layer);
}

static void files_that_share_a_member_are_read(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		autobuf json = BUF_INIT;
		struct layer *layer;
		struct err err;
		uint64_t at;

		make_part(&l.blob, f, text.p, 512);
		at = make_part(&l.blob, f, text.p, 900000);
		buf_puts(&json, "{\"version\":1,\"entries\":[");
		for (size_t i = 0; i < 300; i++)
			buf_printf(
			    &json,
			    "%s{\"type\":\"reg\",\"name\":\"%zu\",\"size\":2000,\"offset\":%llu,"
			    "\"innerOffset\":%zu,\"chunkDigest\":\"%s\"}",
			    i ? "," : "", i, (unsigned long long)at, i * 3000,
			    sha256_text(text.p + i * 3000, 2000));
		buf_puts(&json, "]}");
		if (f == LAZY_ESTARGZ)
			make_estargz(&l, json.data, false);
		else
			make_chunked(&l, json.data);
		if (build_lazily(&l, 1000, &err))
			fail_msg("%s", err.text);
		layer = open_lazily(&l);
		for (size_t i = 0; i < 300; i++)
			assert_content(layer, i * 2000, text.p + i * 3000, 2000);
		layer_close(layer);
	}
}

static void content_of_another_digest_is_not_given_out(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		autobuf json = BUF_INIT;
		struct layer *layer;
		uint8_t data[10];
		struct err err;
		char *digest;

		make_part(&l.blob, f, text.p, 512);
		buf_puts(&json, "{\"version\":1,\"entries\":[");
		add_file(&l, &json, f, "a", 1000, 100);
		add_file(&l, &json, f, "b", 2000, 100);
		buf_puts(&json, "]}");
		digest = strstr(json.data, "\"digest\":\"sha256:") + 17;
		*digest = *digest == '0' ? '1' : '0';
		if (f == LAZY_ESTARGZ)
			make_estargz(&l, json.data, false);
		else
			make_chunked(&l, json.data);
		assert_int_equal(build_lazily(&l, 1000, &err), 0);
		layer = open_lazily(&l);
		assert_int_equal(layer_read(layer, 0, data, 10, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "do not match their digest"));
		assert_content(layer, 100, text.p + 2000, 100);
		layer_close(layer);
	}
}

/* ---- tables that are refused ---- */

static bool has_index(const struct lazy_layer *l)
{
	char path[LAYER_PATH_MAX];

	layer_path(&l->descriptor.digest, ".table", path);
	return faccessat(store_cachefd(world.store), path, F_OK, 0) == 0;
}

static void assert_not_built(const struct lazy_layer *l, int code, const char *why)
{
	static const size_t steps[] = {1 << 20, 13};

	for (size_t i = 0; i < 2; i++) {
		struct err err = {0};
		int r = build_lazily(l, steps[i], &err);

		if (r != -code || !strstr(err.text, why))
			fail_msg("%d \"%s\" does not say \"%s\"", r, err.text, why);
		assert_false(has_index(l));
	}
}

static void a_table_of_another_digest_is_refused(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		const char *key = f == LAZY_ESTARGZ
				      ? "containerd.io/snapshot/stargz/toc.digest"
				      : "io.github.containers.zstd-chunked.manifest-checksum";

		make_layer(&l, f, false);
		json_object_object_add(l.descriptor.annotations, key, json_object_new_string(SHA));
		assert_not_built(&l, EBADMSG, "the manifest says " SHA);
	}
}

static struct bytes read_table(const struct lazy_layer *l)
{
	char path[512], relative[LAYER_PATH_MAX];

	snprintf(path, sizeof(path), "%s/store/%s", world.dir.path,
		 layer_path(&l->descriptor.digest, ".table", relative));
	return sample_read(path);
}

/* A gzip header and the last bits of a member have some that mean nothing: then all is as before. */
static void a_damaged_table_is_refused(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		autolayer l = {0};
		struct bytes before;
		struct lazy z;
		uint64_t seed = 5;
		int refused = 0;

		make_layer(&l, f, false);
		assert_int_equal(build_lazily(&l, 1 << 20, NULL), 0);
		before = read_table(&l);
		assert_int_equal(lazy_find(&l.descriptor, &z, NULL), 0);
		if (f == LAZY_ESTARGZ)
			lazy_footer(&z, l.blob.data + z.next.first, LAZY_FOOTER, NULL);
		for (int i = 0; i < 300; i++) {
			uint64_t len = z.next.end - z.next.first;
			char *at = l.blob.data + z.next.first + sample_random(&seed) % len;
			struct err err;
			int r;

			layer_index_remove(world.store, &l.descriptor.digest);
			*at ^= (char)(1 << i % 8);
			r = build_lazily(&l, 1 << 20, &err);
			*at ^= (char)(1 << i % 8);
			assert_true(r == -EBADMSG || r == -EOPNOTSUPP ||
				    (r == 0 && f == LAZY_ESTARGZ));
			refused += r != 0;
			if (r == 0) {
				struct bytes now = read_table(&l);

				assert_int_equal(now.n, before.n);
				assert_memory_equal(now.p, before.p, now.n);
				free(now.p);
			} else {
				assert_false(has_index(&l));
			}
		}
		assert_true(refused > 250);
		free(before.p);
	}
}

static void a_table_that_is_cut_is_refused(void **state)
{
	(void)state;
	for (enum lazy_format f = LAZY_ESTARGZ; f <= LAZY_ZSTD_CHUNKED; f++) {
		AUTO(lazy_build_close) struct lazy_build *b = NULL, *more = NULL;
		const struct digest d = {0};
		autolayer l = {0};
		struct lazy z;
		struct err err;

		make_layer(&l, f, false);
		assert_int_equal(lazy_find(&l.descriptor, &z, &err), 0);
		assert_int_equal(f == LAZY_ESTARGZ ? lazy_build_open(world.store, &z, &l.descriptor,
								     &d, NULL, &b, &err)
						   : -EINVAL,
				 -EINVAL);
		if (f == LAZY_ESTARGZ)
			lazy_footer(&z, l.blob.data + z.next.first, LAZY_FOOTER, &err);
		assert_int_equal(
		    lazy_build_open(world.store, &z, &l.descriptor, &d, NULL, &b, &err), 0);
		assert_int_equal(lazy_build_feed(b, l.blob.data + z.next.first,
						 z.next.end - z.next.first - 1, &err),
				 0);
		assert_int_equal(lazy_build_finish(b, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "truncated"));
		assert_int_equal(
		    lazy_build_open(world.store, &z, &l.descriptor, &d, NULL, &more, &err), 0);
		assert_int_equal(lazy_build_feed(more, l.blob.data + z.next.first,
						 z.next.end - z.next.first + 1, &err),
				 -EBADMSG);
		assert_false(has_index(&l));
	}
}

#define EMPTY "{\"version\":1,\"entries\":[]}"

/* An eStargz table around which the archive is another than it should be. */
static void assert_archive(const struct buf *tar, int code, const char *why)
{
	autolayer l = {0};
	autobuf annotations = BUF_INIT;
	uint64_t at;

	make_part(&l.blob, LAZY_ESTARGZ, text.p, 512);
	at = l.blob.len;
	make_gzip(&l.blob, tar->data, tar->len);
	make_footer(&l.blob, at, false);
	buf_printf(&annotations, STARGZ("%s"), sha256_text(EMPTY, strlen(EMPTY)));
	describe(&l, GZIP, annotations.data);
	if (code)
		assert_not_built(&l, code, why);
	else
		assert_int_equal(build_lazily(&l, 10, NULL), 0);
}

static void an_archive_has_the_table_and_nothing_else(void **state)
{
	static const char *const names[] = {"stargz.index.json", "stargz.index.jso", "x"};
	autobuf twice = BUF_INIT, big = BUF_INIT, none = BUF_INIT;
	struct tar_make huge = {BUF_INIT};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		autobuf tar = BUF_INIT;

		make_table_tar(&tar, names[i], EMPTY, strlen(EMPTY));
		assert_archive(&tar, i ? EBADMSG : 0, "stargz.index.json is to be");
	}
	make_table_tar(&twice, names[0], EMPTY, strlen(EMPTY));
	twice.len -= 1024;
	make_table_tar(&twice, names[0], EMPTY, strlen(EMPTY));
	assert_archive(&twice, EBADMSG, "stargz.index.json is to be, and no more");

	make_table_tar(&big, names[0], EMPTY, strlen(EMPTY));
	memset(buf_reserve(&big, 3 << 20), 0, 3 << 20);
	big.len += 3 << 20;
	assert_archive(&big, EBADMSG, "goes on behind stargz.index.json");

	memset(buf_reserve(&none, 1024), 0, 1024);
	none.len = 1024;
	assert_archive(&none, EBADMSG, "there is no stargz.index.json");

	make_header(&huge, &(struct tar_fields){.name = names[0], .size = INT64_C(1) << 40});
	make_zeros(&huge, 4096);
	assert_archive(&huge.buf, EOPNOTSUPP, "has 1099511627776 bytes");
	buf_free(&huge.buf);
}

/* A zstd:chunked table of those compressed bytes. */
static void assert_frame(const void *frame, size_t len, size_t announced, int code, const char *why)
{
	autolayer l = {0};
	autobuf annotations = BUF_INIT;

	make_part(&l.blob, LAZY_ZSTD_CHUNKED, text.p, 512);
	buf_puts(&l.blob, "12345678");
	buf_printf(&annotations, CHUNKED("%s", "%zu:%zu:%zu:1"), sha256_text(frame, len),
		   l.blob.len, len, announced);
	buf_append(&l.blob, frame, len);
	describe(&l, ZSTD, annotations.data);
	assert_not_built(&l, code, why);
}

static void a_frame_is_no_longer_and_no_wider_than_it_may_be(void **state)
{
	autobuf frame = BUF_INIT, bomb = BUF_INIT;
	size_t zeros = 64 << 20;
	autofree char *plain = malloc(zeros);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {plain, zeros, 0};
	ZSTD_outBuffer out = {buf_reserve(&bomb, 1 << 20), 1 << 20, 0};

	(void)state;
	make_zstd(&frame, EMPTY, strlen(EMPTY));
	assert_frame(frame.data, frame.len, strlen(EMPTY) - 1, EBADMSG, "longer than its 25 bytes");
	assert_frame(frame.data, frame.len - 1, 100, EBADMSG, "truncated");
	assert_frame(EMPTY, strlen(EMPTY), 100, EBADMSG, "zstd");

	memset(plain, ' ', zeros);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 26);
	ZSTD_CCtx_setParameter(c, ZSTD_c_enableLongDistanceMatching, 1);
	assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
	assert_frame(bomb.data, out.pos, 64 << 20, EOPNOTSUPP, "has a window of 67108864 bytes");
	ZSTD_freeCCtx(c);
}

static int make_text(void **state)
{
	text = sample_make(5 << 20, 9);
	return make_world(state);
}

static int end_text(void **state)
{
	free(text.p);
	return end_world(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_is_read_by_its_own_table),
	    cmocka_unit_test(a_span_has_no_more_compressed_bytes_than_it_can_need),
	    cmocka_unit_test(files_that_share_a_member_are_read),
	    cmocka_unit_test(content_of_another_digest_is_not_given_out),
	    cmocka_unit_test(a_table_of_another_digest_is_refused),
	    cmocka_unit_test(a_damaged_table_is_refused),
	    cmocka_unit_test(a_table_that_is_cut_is_refused),
	    cmocka_unit_test(an_archive_has_the_table_and_nothing_else),
	    cmocka_unit_test(a_frame_is_no_longer_and_no_wider_than_it_may_be),
	};

	return cmocka_run_group_tests(tests, make_text, end_text);
}

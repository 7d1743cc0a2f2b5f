/* SPDX-License-Identifier: MIT */
/*
 * Layers with a table of contents, made by hand: a blob of gzip members or zstd frames, the JSON
 * of its table, and both ends around it.
 */
#ifndef TESTS_LAZY_MAKE_H
#define TESTS_LAZY_MAKE_H

#include "store/base/buf.h"
#include "store/disk/blob.h"
#include "store/layer/layer.h"
#include "store/lazy/lazy_build.h"
#include "tests/unit/tar_make.h"

#include "tests/unit/sample.h"

#include <zlib.h>
#include <zstd.h>

struct lazy_world {
	struct scratch dir;
	struct store *store;
	struct span_cache *cache;
};

static struct lazy_world world;

static inline int make_world(void **state)
{
	char path[512];
	struct err err;

	(void)state;
	world.dir = scratch_make();
	snprintf(path, sizeof(path), "%s/store", world.dir.path);
	world.cache = span_cache_new(32 << 20);
	if (store_open(path, &world.store, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

static inline int end_world(void **state)
{
	(void)state;
	span_cache_free(world.cache);
	store_close(world.store);
	scratch_drop(&world.dir);
	return 0;
}

static inline struct digest sha256(const void *data, size_t len)
{
	struct digest d;

	assert_int_equal(digest_of(DIGEST_SHA256, data, len, &d, NULL), 0);
	return d;
}

/* Its text, in memory that the next seven calls leave alone. */
static inline const char *sha256_text(const void *data, size_t len)
{
	static char texts[8][DIGEST_TEXT_MAX];
	static int next;
	struct digest d = sha256(data, len);

	return digest_text(&d, texts[next++ % 8]);
}

static inline void make_gzip(struct buf *to, const void *data, size_t len)
{
	z_stream z = {.next_in = (void *)data, .avail_in = (uInt)len};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.avail_out = (uInt)deflateBound(&z, len) + 64;
	z.next_out = (void *)buf_reserve(to, z.avail_out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	to->len += z.total_out;
	deflateEnd(&z);
}

static inline void make_zstd(struct buf *to, const void *data, size_t len)
{
	size_t max = ZSTD_compressBound(len);
	size_t n = ZSTD_compress(buf_reserve(to, max), max, data, len, 3);

	assert_false(ZSTD_isError(n));
	to->len += n;
}

/* A member or a frame; where it begins. */
static inline uint64_t make_part(struct buf *to, enum lazy_format format, const void *data,
				 size_t len)
{
	uint64_t at = to->len;

	if (format == LAZY_ESTARGZ)
		make_gzip(to, data, len);
	else
		make_zstd(to, data, len);
	return at;
}

/* A layer as a registry has it. */
struct lazy_layer {
	struct buf blob;
	struct descriptor descriptor;
};

static inline void lazy_layer_free(struct lazy_layer *l)
{
	buf_free(&l->blob);
	descriptor_clear(&l->descriptor);
}
#define autolayer __attribute__((cleanup(lazy_layer_free))) struct lazy_layer

static inline void describe(struct lazy_layer *l, const char *type, const char *annotations)
{
	autobuf text = BUF_INIT;
	autojson *o = NULL;
	struct err err;

	buf_printf(&text,
		   "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,\"annotations\":{%s}}",
		   type, sha256_text(l->blob.data, l->blob.len), l->blob.len, annotations);
	assert_int_equal(json_parse(text.data, text.len, &o, &err), 0);
	descriptor_clear(&l->descriptor);
	if (descriptor_parse(o, &l->descriptor, &err))
		fail_msg("%s", err.text);
}

static inline void make_footer(struct buf *to, uint64_t offset, bool legacy)
{
	static const char end[13] = {1, 0, 0, (char)0xff, (char)0xff};

	buf_append(to, "\x1f\x8b\x08\x04\0\0\0\0\0\xff", 10);
	buf_append(to, "\x1a\0SG\x16\0", legacy ? 0 : 6);
	buf_append(to, "\x16\0", legacy ? 2 : 0);
	buf_printf(to, "%016llxSTARGZ", (unsigned long long)offset);
	buf_append(to, end, sizeof(end));
}

static inline void make_table_tar(struct buf *to, const char *name, const char *json, size_t len)
{
	struct tar_make tar = {BUF_INIT};

	make_header(&tar, &(struct tar_fields){.name = name, .size = (int64_t)len});
	make_data(&tar, json, len);
	make_end(&tar);
	buf_append(to, tar.buf.data, tar.buf.len);
	buf_free(&tar.buf);
}

/* Puts the table behind the content of the blob, and describes the layer. */
static inline void make_estargz(struct lazy_layer *l, const char *json, bool legacy)
{
	autobuf tar = BUF_INIT, annotations = BUF_INIT;
	uint64_t at = l->blob.len;

	make_table_tar(&tar, "stargz.index.json", json, strlen(json));
	make_gzip(&l->blob, tar.data, tar.len);
	make_footer(&l->blob, at, legacy);
	buf_printf(&annotations, "\"containerd.io/snapshot/stargz/toc.digest\":\"%s\"",
		   sha256_text(json, strlen(json)));
	describe(l, "application/vnd.oci.image.layer.v1.tar+gzip", annotations.data);
}

static inline void make_chunked(struct lazy_layer *l, const char *json)
{
	autobuf table = BUF_INIT, annotations = BUF_INIT;
	uint32_t size;

	make_zstd(&table, json, strlen(json));
	size = (uint32_t)table.len; /* of a machine that is little-endian */
	buf_append(&l->blob, "\x50\x2a\x4d\x18", 4);
	buf_append(&l->blob, &size, 4);
	buf_printf(&annotations,
		   "\"io.github.containers.zstd-chunked.manifest-checksum\":\"%s\","
		   "\"io.github.containers.zstd-chunked.manifest-position\":\"%zu:%zu:%zu:1\"",
		   sha256_text(table.data, table.len), l->blob.len, table.len, strlen(json));
	buf_append(&l->blob, table.data, table.len);
	describe(l, "application/vnd.oci.image.layer.v1.tar+zstd", annotations.data);
}

/* Finds the table in the blob and builds the index, the bytes in pieces of `step`. */
static inline int build_lazily(const struct lazy_layer *l, size_t step, struct err *err)
{
	AUTO(lazy_build_close) struct lazy_build *b = NULL;
	const struct digest diff_id = {.algorithm = DIGEST_SHA256};
	struct lazy z;
	int r = lazy_find(&l->descriptor, &z, err);

	if (!r && z.format == LAZY_NONE)
		return err_set(err, ENOENT, "no table");
	if (!r && !z.has_table)
		r = lazy_footer(&z, l->blob.data + z.next.first, z.next.end - z.next.first, err);
	if (!r)
		r = lazy_build_open(world.store, &z, &l->descriptor, &diff_id, NULL, &b, err);
	for (uint64_t at = z.next.first; !r && at < z.next.end; at += step) {
		size_t n = z.next.end - at < step ? (size_t)(z.next.end - at) : step;

		r = lazy_build_feed(b, l->blob.data + at, n, err);
	}
	return r ? r : lazy_build_finish(b, err);
}

/* The layer by its table, over all of the blob. */
static inline struct layer *open_lazily(const struct lazy_layer *l)
{
	struct blob_source *source;
	struct layer *layer;
	struct err err;

	assert_int_equal(
	    blob_put(world.store, &l->descriptor.digest, l->blob.data, l->blob.len, &err), 0);
	assert_int_equal(blob_source_open(world.store, &l->descriptor.digest, &source, &err), 0);
	if (layer_open_source(world.store, world.cache, &l->descriptor.digest, LAYER_CHECK_DIGESTS,
			      source, &layer, &err))
		fail_msg("%s", err.text);
	return layer;
}

/* The next entry of a table of contents, which there is. */
static inline struct entry next_entry(struct toc_reader *toc)
{
	struct entry e;
	struct err err;

	assert_int_equal(toc_reader_next(toc, &e, &err), TOC_ENTRY);
	return e;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Small images made on the spot, for tests: layers of one file each, config, manifest, index. A
 * sample owns its bytes; all fail the test where memory or libraries fail.
 */
#ifndef TESTS_SAMPLE_IMAGE_H
#define TESTS_SAMPLE_IMAGE_H

#include "store/base/buf.h"
#include "store/base/digest.h"
#include "store/oci/oci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#define SAMPLE_LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define SAMPLE_LAYERS_MAX 8

struct sample { /* a document or a blob */
	struct buf body;
	struct digest digest;
};

struct sample_layer {
	struct sample blob;    /* gzip */
	struct digest diff_id; /* of the plain archive */
	size_t plain;	       /* its size */
};

struct sample_image {
	struct sample_layer layers[SAMPLE_LAYERS_MAX];
	size_t layer_count;
	struct sample config, manifest;
};

static inline void sample_seal(struct sample *s)
{
	assert_false(buf_failed(&s->body));
	assert_int_equal(digest_of(DIGEST_SHA256, s->body.data, s->body.len, &s->digest, NULL), 0);
}

/* An archive with one regular file of `size` bytes that hardly compress. */
static inline void sample_tar(struct buf *out, const char *path, size_t size)
{
	char header[512] = {0};
	unsigned sum = 0;
	uint32_t random = 1;

	snprintf(header, 100, "%s", path);
	memcpy(header + 100, "0000644\0000000000\0000000000\000", 24);
	snprintf(header + 124, 12, "%011zo", size);
	memcpy(header + 136, "14000000000\0        0", 21);
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	buf_append(out, header, sizeof(header));
	for (size_t i = 0; i < (size + 511) / 512 * 512; i++) {
		random = random * 1664525 + 1013904223;
		buf_putc(out, i < size ? (char)(random >> 24) : '\0');
	}
	memset(header, 0, sizeof(header));
	buf_append(out, header, sizeof(header));
	buf_append(out, header, sizeof(header));
}

static inline void sample_gzip(struct buf *out, const void *data, size_t len)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)data;
	z.avail_in = (unsigned)len;
	z.avail_out = (unsigned)deflateBound(&z, len);
	z.next_out = (unsigned char *)buf_reserve(out, z.avail_out);
	assert_non_null(z.next_out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

static inline void sample_layer_make(struct sample_layer *l, const char *path, size_t size)
{
	autobuf tar = BUF_INIT;

	sample_tar(&tar, path, size);
	l->plain = tar.len;
	assert_int_equal(digest_of(DIGEST_SHA256, tar.data, tar.len, &l->diff_id, NULL), 0);
	sample_gzip(&l->blob.body, tar.data, tar.len);
	sample_seal(&l->blob);
}

static inline void sample_config_make(struct sample_image *i, const char *architecture,
				      const char *members)
{
	char text[DIGEST_TEXT_MAX];

	buf_reset(&i->config.body);
	buf_printf(&i->config.body,
		   "{\"architecture\":\"%s\",\"os\":\"linux\",%s\"rootfs\":{\"type\":\"layers\","
		   "\"diff_ids\":[",
		   architecture, members);
	for (size_t n = 0; n < i->layer_count; n++)
		buf_printf(&i->config.body, "%s\"%s\"", n ? "," : "",
			   digest_text(&i->layers[n].diff_id, text));
	buf_puts(&i->config.body, "]}}");
	sample_seal(&i->config);
}

/* layer_members goes into every layer's descriptor behind its size (",\"urls\":[…]"). */
static inline void sample_manifest_make(struct sample_image *i, const char *layer_type,
					const char *layer_members)
{
	struct buf *b = &i->manifest.body;
	char text[DIGEST_TEXT_MAX];

	buf_reset(b);
	buf_printf(b,
		   "{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST
		   "\",\"config\":{\"mediaType\":\"" OCI_TYPE_CONFIG
		   "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
		   digest_text(&i->config.digest, text), i->config.body.len);
	for (size_t n = 0; n < i->layer_count; n++)
		buf_printf(b, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}",
			   n ? "," : "", layer_type, digest_text(&i->layers[n].blob.digest, text),
			   i->layers[n].blob.body.len, layer_members);
	buf_puts(b, "]}");
	sample_seal(&i->manifest);
}

/* An image of `layers` layers, each with a file "<name><n>" of growing size. */
static inline void sample_image_make(struct sample_image *i, const char *name, size_t layers,
				     const char *config_members)
{
	char path[64];

	*i = (struct sample_image){.layer_count = layers};
	for (size_t n = 0; n < layers; n++) {
		snprintf(path, sizeof(path), "%s%zu", name, n);
		sample_layer_make(&i->layers[n], path, 100 + 200000 * n);
	}
	sample_config_make(i, "amd64", config_members);
	sample_manifest_make(i, SAMPLE_LAYER_TYPE, "");
}

static inline void sample_image_free(struct sample_image *i)
{
	for (size_t n = 0; n < i->layer_count; n++)
		buf_free(&i->layers[n].blob.body);
	buf_free(&i->config.body);
	buf_free(&i->manifest.body);
}

/* An index of one entry, for a platform of that architecture. */
static inline void sample_index_make(struct sample *index, const char *media_type,
				     const struct sample *entry, const char *architecture)
{
	char text[DIGEST_TEXT_MAX];

	*index = (struct sample){0};
	buf_printf(&index->body,
		   "{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX
		   "\",\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,"
		   "\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}}]}",
		   media_type, digest_text(&entry->digest, text), entry->body.len, architecture);
	sample_seal(index);
}

#endif

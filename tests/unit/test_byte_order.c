/* SPDX-License-Identifier: MIT */
/* A derived file that a machine of the other byte order wrote is as if there were none, and will be
 * built again. */
#include "store/layer/layer_format.h"
#include "store/layer/layer_index.h"
#include "store/tree/tree_format.h"
#include "store/base/xxh.h"
#include "tests/unit/tree_make.h"

#include <sys/stat.h>

static void swap(void *at, size_t size)
{
	uint8_t *p = at;

	for (size_t i = 0; i < size / 2; i++) {
		uint8_t byte = p[i];

		p[i] = p[size - 1 - i];
		p[size - 1 - i] = byte;
	}
}

static int parse_layer(const struct layer_header *h)
{
	const struct digest blob = {.algorithm = DIGEST_SHA256};
	AUTO(layer_index_close) struct layer_index *x = NULL;
	struct err err;

	return layer_index_parse(h, sizeof(*h), &blob, &x, &err);
}

/* The index of a layer without anything in it, in all fields that say what it is. */
static void a_layer_index_of_the_other_order_is_refused(void **state)
{
	struct layer_header h = {.version = LAYER_VERSION,
				 .header_size = sizeof(h),
				 .compression = COMPRESSION_GZIP,
				 .blob_algorithm = DIGEST_SHA256,
				 .diff_algorithm = DIGEST_SHA256};

	(void)state;
	memcpy(h.magic, LAYER_MAGIC, sizeof(h.magic));
	h.own = layer_checksum(&h, 0);
	h.checksum = layer_checksum(&h, XXH3_64bits("", 0));
	assert_int_equal(parse_layer(&h), 0);
	swap(&h.version, sizeof(h.version));
	swap(&h.header_size, sizeof(h.header_size));
	swap(&h.compression, sizeof(h.compression));
	swap(&h.blob_algorithm, sizeof(h.blob_algorithm));
	swap(&h.diff_algorithm, sizeof(h.diff_algorithm));
	h.own = layer_checksum(&h, 0);
	swap(&h.own, sizeof(h.own));
	h.checksum = layer_checksum(&h, XXH3_64bits("", 0));
	swap(&h.checksum, sizeof(h.checksum));
	assert_int_equal(parse_layer(&h), -ENOENT);
}

static int open_tree(const struct scratch *s)
{
	AUTO(tree_close) struct tree *t = NULL;
	struct err err;

	return tree_open_at(s->fd, "tree", TREE_MERGED, &t, &err);
}

/* Numbers of 32 bits, by their offsets from the first to the last. */
static void swap_all(uint8_t *file, size_t first, size_t last)
{
	for (size_t at = first; at <= last; at += sizeof(uint32_t))
		swap(file + at, sizeof(uint32_t));
}

static void a_tree_of_the_other_order_is_refused(void **state)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	struct err err;
	autoclose int fd = -1;
	autofree uint8_t *file = NULL;
	const size_t skip = offsetof(struct tree_header, version);
	struct tree_header *h;
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_open(&s);
	assert_int_equal(tree_merge_open(TREE_MERGED, &m, &err), 0);
	assert_int_equal(spec_layer(m, (const char *const[]){"d d", "f d/a user.a=1", NULL}, &err),
			 0);
	t = open_merged(m, &s, TREE_MERGED);
	assert_int_equal(open_tree(&s), 0);
	fd = openat(s.fd, "tree", O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	h = (struct tree_header *)(file = malloc((size_t)st.st_size));
	assert_int_equal(pread(fd, file, (size_t)st.st_size, 0), st.st_size);
	swap(file + offsetof(struct tree_header, file_size), sizeof(h->file_size));
	swap(file + offsetof(struct tree_header, string_bytes), sizeof(h->string_bytes));
	swap_all(file, offsetof(struct tree_header, version),
		 offsetof(struct tree_header, byte_order));
	swap_all(file, offsetof(struct tree_header, kind), offsetof(struct tree_header, unused));
	h->checksum = XXH3_64bits(file + skip, (size_t)st.st_size - skip);
	swap(&h->checksum, sizeof(h->checksum));
	assert_int_equal(pwrite(fd, file, (size_t)st.st_size, 0), st.st_size);
	assert_int_equal(open_tree(&s), -ENOENT);
	scratch_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_index_of_the_other_order_is_refused),
	    cmocka_unit_test(a_tree_of_the_other_order_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

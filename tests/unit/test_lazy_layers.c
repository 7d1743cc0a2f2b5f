/* SPDX-License-Identifier: MIT */
/*
 * Layers as their writers make them: by its table a layer shows what its archive has, entry by
 * entry, and every byte of its files. The layers are those of tests/lazy.py; others are given as
 * arguments, each a directory with `blob` and `descriptor.json`.
 */
#include "store/layer/layer_build.h"
#include "store/lazy/lazy_agree.h"
#include "tests/unit/lazy_make.h"

#include <sys/stat.h>

static int argument_count;
static char **arguments;

/* What the table of eStargz leaves out, and of zstd:chunked by the same writer. */
static bool is_left_out(const struct entry *e)
{
	return strcmp(e->path, ".no.prefetch.landmark") == 0 ||
	       strcmp(e->path, ".prefetch.landmark") == 0 ||
	       strcmp(e->path, "stargz.index.json") == 0;
}

static struct layer *open_kind(const struct digest *blob, enum layer_check kind)
{
	struct blob_source *source;
	struct layer *l;
	struct err err;

	assert_int_equal(blob_source_open(world.store, blob, &source, &err), 0);
	if (layer_open_source(world.store, world.cache, blob, kind, source, &l, &err))
		fail_msg("%s", err.text);
	return l;
}

/* The digest of a file's content, holes and all. */
static struct digest content(struct layer *l, const struct entry *e)
{
	static const uint8_t zeros[1 << 16];
	const struct extent whole = {0, e->size};
	const struct extent *x = e->extent_count ? e->extents : &whole;
	uint32_t count = e->extent_count ? e->extent_count : 1;
	uint64_t at = 0, data = e->data;
	AUTO(hash_close) struct hash *h = NULL;
	struct digest d;
	struct err err;

	assert_int_equal(hash_open(DIGEST_SHA256, &h, &err), 0);
	for (uint32_t i = 0; i <= count; i++) {
		uint64_t next = i < count ? x[i].offset : e->size;

		for (; at < next; at += next - at < sizeof(zeros) ? next - at : sizeof(zeros))
			hash_update(h, zeros,
				    next - at < sizeof(zeros) ? next - at : sizeof(zeros));
		for (uint64_t end = i < count ? at + x[i].length : at; at < end;) {
			uint8_t piece[1 << 16];
			size_t n = end - at < sizeof(piece) ? end - at : sizeof(piece);

			if (layer_read(l, data, piece, n, &err))
				fail_msg("%s: %s", e->path, err.text);
			hash_update(h, piece, n);
			at += n;
			data += n;
		}
	}
	hash_final(h, &d);
	return d;
}

static int64_t rounded(const struct entry *e)
{
	return e->mtime + (e->mtime_ns >= 500000000);
}

static void compare_xattrs(const struct entry *a, const struct entry *b)
{
	assert_int_equal(a->xattr_count, b->xattr_count);
	for (uint32_t i = 0; i < a->xattr_count; i++) {
		uint32_t k = 0;

		while (k < b->xattr_count && strcmp(a->xattrs[i].name, b->xattrs[k].name) != 0)
			k++;
		assert_true(k < b->xattr_count);
		assert_int_equal(a->xattrs[i].size, b->xattrs[k].size);
		assert_memory_equal(a->xattrs[i].value, b->xattrs[k].value, a->xattrs[i].size);
	}
}

/* `a` is the archive's, `b` the table's. */
static void compare(const struct entry *a, const struct entry *b, bool seconds)
{
	if (a->path_len != b->path_len || memcmp(a->path, b->path, a->path_len) != 0)
		fail_msg("\"%s\" in the archive, \"%s\" in the table", a->path, b->path);
	if (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid || a->size != b->size ||
	    a->dev_major != b->dev_major || a->dev_minor != b->dev_minor)
		fail_msg("%s: mode %o %o, uid %u %u, gid %u %u, size %llu %llu", a->path, a->mode,
			 b->mode, a->uid, b->uid, a->gid, b->gid, (unsigned long long)a->size,
			 (unsigned long long)b->size);
	if (seconds ? rounded(a) != b->mtime || b->mtime_ns
		    : a->mtime != b->mtime || a->mtime_ns != b->mtime_ns)
		fail_msg("%s: mtime %lld.%09u %lld.%09u", a->path, (long long)a->mtime, a->mtime_ns,
			 (long long)b->mtime, b->mtime_ns);
	assert_int_equal(a->link_len, b->link_len);
	assert_memory_equal(a->link, b->link, a->link_len);
	compare_xattrs(a, b);
}

/* All entries of both, side by side; how many bytes of files there were. */
static uint64_t compare_layers(struct layer *archive, struct layer *table, bool estargz,
			       uint64_t *entries)
{
	AUTO(toc_reader_close) struct toc_reader *a = NULL, *b = NULL;
	struct entry x, y;
	uint64_t bytes = 0;
	struct err err;

	assert_int_equal(layer_index_toc(layer_index(archive), &a, &err), 0);
	assert_int_equal(layer_index_toc(layer_index(table), &b, &err), 0);
	for (*entries = 0; toc_reader_next(a, &x, &err) == TOC_ENTRY;) {
		struct digest in_archive, in_table;

		if (estargz && is_left_out(&x))
			continue;
		y = next_entry(b);
		compare(&x, &y, estargz);
		++*entries;
		if (!S_ISREG(x.mode))
			continue;
		in_archive = content(archive, &x);
		in_table = content(table, &y);
		if (!digest_equal(&in_archive, &in_table))
			fail_msg("%.*s: other bytes", (int)x.path_len, x.path);
		bytes += x.size;
	}
	assert_int_equal(toc_reader_next(b, &y, &err), TOC_END);
	return bytes;
}

static void check_layer(const char *dir)
{
	autolayer l = {0};
	struct bytes text, blob;
	struct layer *archive, *table;
	autojson *o = NULL;
	uint64_t entries, bytes;
	bool is_estargz;
	char path[1024];
	struct stat st;
	struct err err;

	snprintf(path, sizeof(path), "%s/descriptor.json", dir);
	text = sample_read(path);
	snprintf(path, sizeof(path), "%s/blob", dir);
	blob = sample_read(path);
	buf_append(&l.blob, blob.p, blob.n);
	free(blob.p);
	assert_int_equal(json_parse((char *)text.p, text.n, &o, &err), 0);
	free(text.p);
	assert_int_equal(descriptor_parse(o, &l.descriptor, &err), 0);
	is_estargz = json_string(l.descriptor.annotations,
				 "containerd.io/snapshot/stargz/toc.digest") != NULL;
	if (build_lazily(&l, 65536, &err))
		fail_msg("%s: %s", dir, err.text);

	table = open_lazily(&l);
	if (layer_build_from_blob(world.store, &l.descriptor.digest, NULL, NULL, &err))
		fail_msg("%s: %s", dir, err.text);
	archive = open_kind(&l.descriptor.digest, LAYER_CHECK_BLOCKS);
	bytes = compare_layers(archive, table, is_estargz, &entries);
	if (lazy_agree(world.store, &l.descriptor.digest, NULL, &err))
		fail_msg("%s: %s", dir, err.text);
	snprintf(path, sizeof(path), "%s/store/%s", world.dir.path,
		 layer_path(&l.descriptor.digest, ".table", (char[LAYER_PATH_MAX]){0}));
	assert_int_equal(stat(path, &st), 0);
	print_message("%s: %llu entries, %llu bytes in files, an index of %lld bytes\n", dir,
		      (unsigned long long)entries, (unsigned long long)bytes,
		      (long long)st.st_size);
	layer_close(archive);
	layer_close(table);
}

static void a_layer_shows_by_its_table_what_its_archive_has(void **state)
{
	static const char *const forms[] = {"estargz", "legacy", "parts",
					    "shared",  "zstd",	 "chunked"};
	char line[1024];

	(void)state;
	snprintf(line, sizeof(line), "python3 -B tests/lazy.py %s/made", world.dir.path);
	if (argument_count == 0 && system(line) != 0)
		fail_msg("no layers were made");
	for (int i = 0; i < argument_count; i++)
		check_layer(arguments[i]);
	for (size_t i = 0; argument_count == 0 && i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(line, sizeof(line), "%s/made/%s", world.dir.path, forms[i]);
		check_layer(line);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_shows_by_its_table_what_its_archive_has),
	};

	argument_count = argc - 1;
	arguments = argv + 1;
	return cmocka_run_group_tests(tests, make_world, end_world);
}

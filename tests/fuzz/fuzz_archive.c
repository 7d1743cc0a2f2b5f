/* SPDX-License-Identifier: MIT */
/*
 * Archives of images (store/archive_*.h) on anything: no harm, and nothing left in the store. All
 * but publishing, which would fill it.
 */
#include "store/archive/archive_docker.h"
#include "store/archive/archive_oci.h"
#include "store/tar/tar_header.h"
#include "tests/fuzz/fuzz_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sums that hold, or the fuzzer would never get past them. */
static void fix_checksums(uint8_t *data, size_t size)
{
	for (uint8_t *block = data; block + TAR_BLOCK <= data + size; block += TAR_BLOCK) {
		uint32_t sum = 8 * ' ';
		char text[8];

		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		for (int i = 0; i < TAR_BLOCK; i++)
			sum += i < 148 || i >= 156 ? block[i] : 0;
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(block + 148, text, 7);
	}
}

static int feed(struct archive_stream *a, const uint8_t *data, size_t size, size_t step)
{
	struct err err = {0};
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += step) {
		size_t n = size - at < step ? size - at : step, used = n;

		r = archive_stream_feed(a, data + at, n, NULL, &used, &err);
		if (used > n)
			abort();
	}
	return r == 0 ? archive_stream_finish(a, &err) : r;
}

static void load(const uint8_t *data, size_t size, size_t step)
{
	AUTO(archive_members_close) struct archive_members *m = NULL;
	AUTO(archive_stream_close) struct archive_stream *a = NULL;
	AUTO(archive_plan_close) struct archive_plan *p = NULL;
	struct archive_sink sink;
	struct err err = {0};

	if (archive_members_open(the_store(), &m, &err) < 0)
		abort();
	sink = archive_members_sink(m);
	if (archive_stream_open(&sink, &a, &err) < 0 || feed(a, data, size, step) < 0 ||
	    archive_plan_open(the_store(), archive_members_memory(m), NULL, &p, &err) < 0)
		return;
	if (archive_members_find(m, "oci-layout"))
		archive_oci_plan(p, m, NULL, &err);
	archive_docker_plan(p, m, NULL, &err);
}

static void check_empty(const char *path)
{
	autoclose int fd = openat(store_dirfd(the_store()), path, O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(dup(fd));
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
			abort();
	closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *copy = malloc(size + 1);

	memcpy(copy, data, size);
	fix_checksums(copy, size);
	load(copy, size, size ? 1 + data[size - 1] * 5 : 1);
	check_empty("partial");
	check_empty("derived/layers");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* store/tree/tree.h on a file whose header and checksum are right, and the rest anything. */
#include "store/tree/tree_format.h"
#include "store/base/xxh.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT_MAX 64 /* of a section */

/* Counts from the input, made small enough for what follows; the strings take what is left. */
static bool fix_header(struct tree_header *h, size_t size)
{
	uint32_t *counts[] = {&h->nodes, &h->sparse, &h->extents, &h->dirents,
			      &h->attrs, &h->sets,   &h->xattrs};

	memcpy(h->magic, TREE_MAGIC, sizeof(h->magic));
	h->version = TREE_VERSION;
	h->byte_order = TREE_BYTE_ORDER;
	h->kind = TREE_MERGED;
	h->file_size = size;
	h->string_bytes = 0;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		*counts[i] %= COUNT_MAX;
	if (tree_file_size(h) > size)
		return false;
	h->string_bytes = size - tree_file_size(h);
	return true;
}

static void look(const struct tree *t, uint32_t node)
{
	struct tree_dirent d;
	struct tree_run run;
	struct xattr x;
	struct stat st;
	size_t len;

	tree_stat(t, node, &st);
	tree_layer(t, node);
	tree_parent(t, node);
	tree_symlink(t, node, &len);
	tree_lookup(t, node, "name", 4);
	for (uint32_t i = 0; tree_dir_at(t, node, i, &d) && i < 1000; i++)
		tree_lookup(t, node, d.name, d.len);
	for (uint32_t i = 0; tree_xattr_at(t, node, i, &x) && i < 1000; i++)
		if (strlen(x.name) > 255)
			abort();
	for (uint64_t at = 0, i = 0; i < 100; i++, at += run.length)
		if (tree_map(t, node, at, 1000, &run) || !run.length)
			break;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t skip = offsetof(struct tree_header, version);
	AUTO(tree_close) struct tree *t = NULL;
	autofree uint8_t *copy = malloc(size + 1);
	autoclose int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	char name[32];
	struct err err;
	int fd;

	if (size < sizeof(struct tree_header))
		return 0;
	memcpy(copy, data, size);
	if (!fix_header((struct tree_header *)copy, size))
		return 0;
	((struct tree_header *)copy)->checksum = XXH3_64bits(copy + skip, size - skip);
	snprintf(name, sizeof(name), "fuzz-tree-%d", getpid());
	fd = openat(shm, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, copy, size) != (ssize_t)size)
		abort();
	close(fd);
	if (tree_open_at(shm, name, TREE_MERGED, &t, &err) == 0)
		for (uint32_t i = 0; i <= tree_count(t); i++)
			look(t, i);
	unlinkat(shm, name, 0);
	return 0;
}

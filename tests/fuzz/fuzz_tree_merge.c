/* SPDX-License-Identifier: MIT */
/*
 * Layers of random entries with names of a small alphabet, merged. The input is a string of
 * operations; names collide all the time, so links, whiteouts and replaced directories meet in
 * every order. What comes out must be a tree: all can be reached by name, links are counted, and
 * every node has a path.
 */
#include "store/tree/tree_merge.h"
#include "store/tree/tree_write.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const parts[] = {"a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", "..", "d"};

struct input {
	const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static size_t make_path(struct input *in, char path[64])
{
	uint8_t shape = next(in);
	size_t len = 0;

	for (int i = 0; i <= shape % 4; i++)
		len += (size_t)snprintf(path + len, 64 - len, "%s%s", i ? "/" : "",
					parts[next(in) % 8]);
	return len;
}

static void add_entry(struct toc_writer *w, struct input *in, uint64_t data)
{
	static const uint32_t types[] = {S_IFDIR, S_IFREG, S_IFLNK, 0,
					 S_IFCHR, S_IFDIR, 0,	    S_IFREG};
	char path[64], link[64];
	struct entry e = {.path = path, .link = link, .data = data};
	struct err err;

	e.mode = types[next(in) % 8] | 0755;
	e.path_len = make_path(in, path);
	if (!(e.mode & S_IFMT) || S_ISLNK(e.mode))
		e.link_len = make_path(in, link);
	if (toc_writer_add(w, &e, &err))
		abort();
}

/* Entries up to an operation that is a multiple of 32. */
static int merge_layer(struct tree_merge *m, struct input *in)
{
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	autobuf toc = BUF_INIT;
	struct err err;

	if (toc_writer_open(&w, &err))
		abort();
	for (uint64_t data = 512; in->at < in->end && next(in) % 32; data += 512)
		add_entry(w, in, data);
	if (toc_writer_finish(w, &toc, &err) || toc_reader_open(toc.data, toc.len, &r, &err))
		abort();
	return tree_merge_layer(m, r, NULL, &err);
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void visit(const struct tree *t, uint32_t dir, uint32_t *links, int depth)
{
	struct tree_dirent d;

	require(depth < 1100);
	for (uint32_t i = 0; i < tree_dir_count(t, dir); i++) {
		require(tree_dir_at(t, dir, i, &d) && d.node != TREE_ROOT);
		require(tree_lookup(t, dir, d.name, d.len) == d.node);
		require(strncmp(d.name, ".wh.", 4) != 0 || tree_parent(t, d.node) == dir);
		links[d.node]++;
		if (tree_parent(t, d.node) != TREE_NONE) {
			require(tree_parent(t, d.node) == dir && links[d.node] == 1);
			visit(t, d.node, links, depth + 1);
		}
	}
}

static void check(const struct tree *t)
{
	autofree uint32_t *links = calloc(tree_count(t), sizeof(*links));
	struct stat st;

	visit(t, TREE_ROOT, links, 0);
	for (uint32_t i = 1; i < tree_count(t); i++) {
		require(tree_stat(t, i, &st) == 0 && links[i] > 0);
		require(S_ISDIR(st.st_mode) || st.st_nlink == links[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	AUTO(tree_close) struct tree *t = NULL;
	autoclose int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	struct input in = {data, data + size};
	char name[32];
	struct err err;
	int fd, rc = tree_merge_open(TREE_MERGED, &m, &err);

	while (!rc && in.at < in.end)
		rc = merge_layer(m, &in);
	if (rc)
		return 0;
	snprintf(name, sizeof(name), "fuzz-merge-%d", getpid());
	fd = openat(shm, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && tree_merge_write(m, fd, &err) == 0);
	close(fd);
	require(tree_open_at(shm, name, TREE_MERGED, &t, &err) == 0);
	unlinkat(shm, name, 0);
	check(t);
	return 0;
}

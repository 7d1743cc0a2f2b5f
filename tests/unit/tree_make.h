/* SPDX-License-Identifier: MIT */
/*
 * Trees from layers that are written as lists of words, and trees as text, so that a rule is a
 * line in a table.
 *
 *	an entry    "TYPE PATH [>TARGET] [mode=OCTAL] [uid=N] [t=SECONDS] [size=N] [dev=MAJOR:MINOR]
 *[NAME=VALUE]" TYPE: d f s h c b p; NAME: an extended attribute (it has a dot) a tree      a line a
 * name, sorted: "PATH[/] MODE @LAYER" ("@-": none), and where they are not as usual
 *	            ">TARGET", "xNLINK", "uUID", "tSECONDS", "MAJOR:MINOR", "NAME=VALUE"; the root
 * is "/"
 */
#ifndef TESTS_TREE_MAKE_H
#define TESTS_TREE_MAKE_H

#include "store/base/buf.h"
#include "store/base/io.h"
#include "store/tree/tree_merge.h"
#include "store/tree/tree_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* A directory of the test's own, removed with its files. */
struct scratch {
	char path[32];
	int fd;
};

static inline void scratch_open(struct scratch *s)
{
	strcpy(s->path, "/tmp/tree-XXXXXX");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY);
	assert_true(s->fd >= 0);
}

static inline void scratch_close(struct scratch *s)
{
	unlinkat(s->fd, "tree", 0);
	close(s->fd);
	rmdir(s->path);
}

static inline uint32_t spec_type(char c)
{
	switch (c) {
	case 'd':
		return S_IFDIR;
	case 'f':
		return S_IFREG;
	case 's':
		return S_IFLNK;
	case 'c':
		return S_IFCHR;
	case 'b':
		return S_IFBLK;
	case 'p':
		return S_IFIFO;
	default:
		return 0;
	}
}

static inline void spec_word(struct entry *e, struct xattr *xattrs, char *word)
{
	char *value = strchr(word, '=');

	if (*word == '>') {
		e->link = word + 1;
		e->link_len = strlen(word + 1);
		return;
	}
	assert_non_null(value);
	*value++ = '\0';
	if (strcmp(word, "mode") == 0) {
		e->mode = (e->mode & S_IFMT) | (uint32_t)strtoul(value, NULL, 8);
	} else if (strcmp(word, "uid") == 0) {
		e->uid = e->gid = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(word, "t") == 0) {
		e->mtime = strtoll(value, NULL, 10);
	} else if (strcmp(word, "size") == 0) {
		e->size = e->stored = strtoull(value, NULL, 10);
	} else if (strcmp(word, "dev") == 0) {
		e->dev_major = (uint32_t)strtoul(value, &value, 10);
		e->dev_minor = (uint32_t)strtoul(value + 1, NULL, 10);
	} else {
		xattrs[e->xattr_count++] = (struct xattr){word, value, (uint32_t)strlen(value)};
		e->xattrs = xattrs;
	}
}

static inline void spec_add(struct toc_writer *w, const char *spec, uint64_t data)
{
	char words[8192], *rest = words, *type, *path, *word;
	struct xattr xattrs[8];
	struct entry e = {.link = "", .data = data};
	struct err err;

	assert_true(strlen(spec) < sizeof(words));
	strcpy(words, spec);
	type = strsep(&rest, " ");
	path = strsep(&rest, " ");
	e.mode = spec_type(*type) | (*type == 'd' ? 0755 : 0644);
	e.path = strcmp(path, ".") == 0 ? "" : path;
	e.path_len = strlen(e.path);
	while ((word = strsep(&rest, " ")))
		spec_word(&e, xattrs, word);
	assert_int_equal(toc_writer_add(w, &e, &err), 0);
}

/* Adds the layer to the merge; specs ends with NULL. */
static inline int spec_layer(struct tree_merge *m, const char *const *specs, struct err *err)
{
	AUTO(toc_writer_close) struct toc_writer *w = NULL;
	AUTO(toc_reader_close) struct toc_reader *r = NULL;
	autobuf toc = BUF_INIT;

	assert_int_equal(toc_writer_open(&w, err), 0);
	for (uint64_t data = 512; *specs; specs++, data += 1024)
		spec_add(w, *specs, data);
	assert_int_equal(toc_writer_finish(w, &toc, err), 0);
	assert_int_equal(toc_reader_open(toc.data, toc.len, &r, err), 0);
	return tree_merge_layer(m, r, NULL, err);
}

/* Writes what is merged to "tree" in the scratch directory and opens it. */
static inline struct tree *open_merged(struct tree_merge *m, struct scratch *s, enum tree_kind kind)
{
	autoclose int fd = openat(s->fd, "tree", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct tree *t = NULL;
	struct err err;

	assert_true(fd >= 0);
	assert_int_equal(tree_merge_write(m, fd, &err), 0);
	if (tree_open_at(s->fd, "tree", kind, &t, &err))
		fail_msg("%s", err.text);
	return t;
}

static inline void dump_node(const struct tree *t, uint32_t node, const char *path, struct buf *out)
{
	uint32_t layer = tree_layer(t, node);
	struct xattr x;
	struct stat st;
	size_t len;

	assert_int_equal(tree_stat(t, node, &st), 0);
	assert_int_equal(st.st_ino, node + 1);
	buf_printf(out, "%s%s", path, S_ISDIR(st.st_mode) ? "/" : "");
	if (S_ISLNK(st.st_mode))
		buf_printf(out, " >%s", tree_symlink(t, node, &len));
	if (!S_ISLNK(st.st_mode) || (st.st_mode & 07777) != 0777)
		buf_printf(out, " %o", st.st_mode & 07777);
	if (layer == TREE_NONE)
		buf_puts(out, " @-");
	else
		buf_printf(out, " @%u", layer);
	if (!S_ISDIR(st.st_mode) && st.st_nlink != 1)
		buf_printf(out, " x%u", (unsigned int)st.st_nlink);
	if (st.st_uid)
		buf_printf(out, " u%u", st.st_uid);
	if (st.st_mtime)
		buf_printf(out, " t%lld", (long long)st.st_mtime);
	if (st.st_rdev)
		buf_printf(out, " %u:%u", major(st.st_rdev), minor(st.st_rdev));
	for (uint32_t i = 0; tree_xattr_at(t, node, i, &x); i++)
		buf_printf(out, " %s=%.*s", x.name, (int)x.size, (const char *)x.value);
	buf_putc(out, '\n');
}

static inline int dump_compare(const void *a, const void *b)
{
	return strcmp(((const struct tree_dirent *)a)->name, ((const struct tree_dirent *)b)->name);
}

/* The lines of what is in the directory (in a file there is nothing); checks on the way that
 * listing, lookup and parents agree. */
static inline void dump_dir(const struct tree *t, uint32_t dir, const char *path, struct buf *out)
{
	uint32_t count = tree_dir_count(t, dir), subdirs = 0, before = 0;
	struct tree_dirent *d = calloc(count + 1, sizeof(*d));
	struct stat st;

	assert_non_null(d);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(tree_dir_at(t, dir, i, &d[i]));
		assert_int_equal(strlen(d[i].name), d[i].len);
		assert_true(d[i].node >= before);
		before = d[i].node;
		assert_int_equal(tree_lookup(t, dir, d[i].name, d[i].len), d[i].node);
		subdirs += tree_parent(t, d[i].node) == dir;
	}
	assert_int_equal(tree_stat(t, dir, &st), 0);
	if (S_ISDIR(st.st_mode))
		assert_int_equal(st.st_nlink, 2 + subdirs);
	qsort(d, count, sizeof(*d), dump_compare);
	for (uint32_t i = 0; i < count; i++) {
		autobuf child = BUF_INIT;

		buf_printf(&child, "%s%s%s", path, *path ? "/" : "", d[i].name);
		dump_node(t, d[i].node, child.data, out);
		dump_dir(t, d[i].node, child.data, out);
	}
	free(d);
}

static inline void dump_tree(const struct tree *t, struct buf *out)
{
	struct stat st;

	assert_int_equal(tree_stat(t, TREE_ROOT, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	dump_node(t, TREE_ROOT, "", out);
	dump_dir(t, TREE_ROOT, "", out);
}

#endif

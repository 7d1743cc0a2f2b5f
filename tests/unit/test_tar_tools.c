/* SPDX-License-Identifier: MIT */
/* Archives of one directory, written by GNU tar, bsdtar and Python in all their formats: each entry
 * must be what lstat(2) and read(2) say of the file itself. */
#include "tests/unit/tar_make.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* What a writer can say; Python's times are floating point numbers. */
enum { NS = 1, LONG = 2, XATTRS = 4, FIFOS = 8, FLOAT = 16 };

static const struct {
	const char *command; /* writes the archive of "." to standard output */
	int can;
} writers[] = {
    {"tar --format=v7 --exclude=long --exclude=fifo -c .", 0},
    {"tar --format=ustar --exclude=long -c .", FIFOS},
    {"tar --format=oldgnu -c .", LONG | FIFOS},
    {"tar --format=gnu -c .", LONG | FIFOS},
    {"tar --format=gnu -S -c .", LONG | FIFOS},
    {"tar --format=posix --xattrs -c .", NS | LONG | XATTRS | FIFOS},
    {"tar --format=posix -S --sparse-version=0.0 -c .", NS | LONG | FIFOS},
    {"tar --format=posix -S --sparse-version=0.1 -c .", NS | LONG | FIFOS},
    {"tar --format=posix -S --sparse-version=1.0 -c .", NS | LONG | FIFOS},
    {"bsdtar --format=ustar --exclude long -cf - .", FIFOS},
    {"bsdtar --format=gnutar -cf - .", LONG | FIFOS},
    {"bsdtar --format=pax --xattrs -cf - .", NS | LONG | XATTRS | FIFOS},
    {"bsdtar --format=pax --read-sparse -cf - .", NS | LONG | FIFOS},
    {"python3 -c 'import sys,tarfile as t; t.open(fileobj=sys.stdout.buffer, mode=\"w|\", "
     "format=t.GNU_FORMAT).add(\".\")'",
     LONG | FIFOS},
    {"python3 -c 'import sys,tarfile as t; t.open(fileobj=sys.stdout.buffer, mode=\"w|\", "
     "format=t.PAX_FORMAT).add(\".\")'",
     NS | FLOAT | LONG | FIFOS},
};

static char root[] = "/tmp/tools-XXXXXX";
static bool has_xattrs;

static void write_file(const char *path, const char *data, off_t hole, mode_t mode)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, strlen(data)), strlen(data));
	if (hole) {
		assert_int_equal(lseek(fd, hole, SEEK_SET), hole);
		assert_int_equal(write(fd, data, strlen(data)), strlen(data));
		assert_int_equal(ftruncate(fd, 3 * hole), 0);
	}
	assert_int_equal(fchmod(fd, mode), 0);
}

static void set_times(void)
{
	static const struct timespec times[2] = {{1, 0}, {1234567890, 123456700}};
	static const char *const paths[] = {"file", "sparse", "link", "dir", "fifo"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(utimensat(AT_FDCWD, paths[i], times, AT_SYMLINK_NOFOLLOW), 0);
}

static int make_files(void **state)
{
	char name[256] = {0}, path[600], target[300] = {0};

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	write_file("file", "content", 0, 04711);
	write_file("empty", "", 0, 0644);
	write_file("sparse", "data in a sparse file", 1 << 20, 0600);
	assert_int_equal(mkdir("dir", 0750), 0);
	write_file("dir/in", "in a directory", 0, 0444);
	assert_int_equal(link("file", "dir/hard"), 0);
	assert_int_equal(symlink("dir/../file", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	memset(name, 'n', 200);
	memset(target, 't', 250);
	assert_int_equal(mkdir("long", 0755), 0);
	snprintf(path, sizeof(path), "long/%s", name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "long/%s/%s", name, name);
	write_file(path, "far down", 0, 0644);
	assert_int_equal(symlink(target, "long/link"), 0);
	has_xattrs = setxattr("file", "user.note", "a\0b=c\n", 6, 0) == 0;
	set_times();
	return 0;
}

static int remove_files(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return chdir("/") || system(command);
}

static void run(const char *command, struct buf *out)
{
	FILE *pipe = popen(command, "r");
	size_t n;

	assert_non_null(pipe);
	do {
		char *to = buf_reserve(out, 65536);

		assert_non_null(to);
		n = fread(to, 1, 65536, pipe);
		out->len += n;
	} while (n > 0);
	if (pclose(pipe) != 0)
		fail_msg("%s failed", command);
}

/* The file's content as the entry and the archive tell it. */
static char *content_of(const struct entry *e, const struct buf *archive)
{
	char *content = calloc(1, e->size + 1);
	uint64_t at = e->data;

	assert_non_null(content);
	assert_true(e->data + e->stored <= archive->len);
	if (!e->extent_count)
		memcpy(content, archive->data + at, e->size);
	for (uint32_t i = 0; i < e->extent_count; i++) {
		memcpy(content + e->extents[i].offset, archive->data + at, e->extents[i].length);
		at += e->extents[i].length;
	}
	return content;
}

static void check_content(const struct entry *e, const struct buf *archive)
{
	autofree char *got = content_of(e, archive), *want = calloc(1, e->size + 1);
	autoclose int fd = open(e->path, O_RDONLY);

	assert_non_null(want);
	assert_int_equal(read(fd, want, e->size), e->size);
	assert_memory_equal(got, want, e->size);
}

static void check_xattrs(const struct tar_item *item)
{
	bool want = has_xattrs && strcmp(item->e.path, "file") == 0;

	assert_int_equal(item->e.xattr_count, want);
	if (want)
		assert_xattr(item, 0, "user.note", "a\0b=c\n", 6);
}

static void check_entry(const struct tar_item *item, const struct buf *archive, int can)
{
	const struct entry *e = &item->e;
	const char *path = *e->path ? e->path : ".";
	char target[4096] = {0};
	struct stat st, linked;
	int64_t ns, off;

	if (lstat(path, &st) < 0)
		fail_msg("there is no %s", path);
	if (!(e->mode & S_IFMT)) { /* a hard link says which file it is */
		assert_int_equal(lstat(e->link, &linked), 0);
		assert_int_equal(st.st_ino, linked.st_ino);
		return;
	}
	assert_int_equal(e->mode & S_IFMT, st.st_mode & S_IFMT);
	if (!S_ISLNK(st.st_mode))
		assert_int_equal(e->mode, st.st_mode);
	assert_int_equal(e->uid, st.st_uid);
	assert_int_equal(e->gid, st.st_gid);
	assert_int_equal(e->mtime, st.st_mtime);
	ns = can & NS ? st.st_mtim.tv_nsec : 0;
	off = can & FLOAT ? 1000 : 0;
	assert_true(e->mtime_ns >= ns - off && e->mtime_ns <= ns + off);
	if (S_ISREG(st.st_mode)) {
		assert_int_equal(e->size, st.st_size);
		check_content(e, archive);
	}
	if (S_ISLNK(st.st_mode)) {
		assert_true(readlink(path, target, sizeof(target) - 1) > 0);
		assert_string_equal(e->link, target);
	}
	if (can & XATTRS)
		check_xattrs(item);
}

static void test_archives_of_other_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		autobuf archive = BUF_INIT;
		struct err err;
		size_t want = 8;

		print_message("%s\n", writers[i].command);
		run(writers[i].command, &archive);
		if (list_parse(archive.data, archive.len, 1000, &l, &err))
			fail_msg("%s", err.text);
		want += writers[i].can & FIFOS ? 1 : 0;
		want += writers[i].can & LONG ? 4 : 0;
		assert_int_equal(l->count, want);
		for (size_t k = 0; k < l->count; k++)
			check_entry(&l->items[k], &archive, writers[i].can);
	}
}

/* A cut archive is refused, or ends between two entries; it never does harm. */
static void test_archives_cut_anywhere(void **state)
{
	autobuf archive = BUF_INIT;

	(void)state;
	run("tar --format=posix -S --xattrs -c file sparse dir long link fifo", &archive);
	for (size_t len = 0; len < archive.len; len += len < 16384 ? 1 : 509) {
		AUTO(tar_list_close) struct tar_list *l = NULL;
		void *exact = copy_bytes(archive.data, len);
		struct err err;
		int rc = list_parse(exact, len, len + 1, &l, &err);

		assert_true(rc == 0 || rc == -EBADMSG);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_archives_of_other_programs),
	    cmocka_unit_test(test_archives_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}

/* SPDX-License-Identifier: MIT */
#include "fs/ctl/upload.h"

#include "fs/daemon/mount_point.h"
#include "store/codec/codec.h"
#include "store/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PIECE (512u << 10)

void upload_clear(struct upload *u)
{
	buf_free(&u->head);
	free(u->line);
}

const char *upload_subject(const struct upload *u)
{
	return u->line && *u->line ? u->line : "-";
}

/* ---- the file ---- */

static int device_of(int fd, const char *path, struct statx *out)
{
	return statx(fd, path, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, out);
}

/*
 * With the rights of who runs imagefs, which are those of the mount's owner. Never a file of the
 * mount itself, which would wait for its own answers; and no magic links: /dev/stdin and /proc/self
 * are those of imagefs, not of who writes here. O_PATH first: opening a fifo may wait, a device may
 * act.
 */
static int open_file(const struct fs *fs, const char *path, uint64_t *size, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	struct statx file, mount;
	autoclose int fd = -1;
	char again[64];
	int r;

	if (*path != '/')
		return err_set(err, EINVAL, "open %s: the path of a file here must be absolute",
			       path);
	if (mount_point_below(fs->mountpoint, path))
		return err_set(err, EINVAL, "open %s: a file of this mount itself", path);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0 && errno == ELOOP)
		return err_set(err, EINVAL, "open %s: a link into /proc, or a circle of links",
			       path);
	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (device_of(fd, "", &file) < 0 || device_of(AT_FDCWD, fs->mountpoint, &mount) < 0)
		return err_sys(err, "stat %s", path);
	if (file.stx_dev_major == mount.stx_dev_major && file.stx_dev_minor == mount.stx_dev_minor)
		return err_set(err, EINVAL, "open %s: a file of this mount itself", path);
	if (!S_ISREG(file.stx_mode))
		return err_set(err, EINVAL, "open %s: not a regular file", path);
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	r = open(again, O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return err_sys(err, "open %s", path);
	*size = statx(r, "", AT_EMPTY_PATH, STATX_SIZE, &file) == 0 ? file.stx_size : 0;
	return r;
}

static int read_file(struct upload *u, const struct fs *fs, struct job *j, const char *path,
		     struct buf *answer, struct err *err)
{
	autofree char *piece = malloc(PIECE);
	uint64_t size = 0;
	autoclose int fd = piece ? open_file(fs, path, &size, err) : err_nomem(err);
	int r = 0;

	if (fd < 0)
		return fd;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (r == FEED_MORE) {
		ssize_t n = io_pread(fd, piece, PIECE, (off_t)u->bytes, err);
		size_t used = n > 0 ? (size_t)n : 0;

		r = n < 0 ? (int)n
			  : u->feed(u->arg, piece, used, job_cancel(j), &used, answer, err);
		u->bytes += used;
		job_progress(j, u->bytes, size);
		if (n == 0 && r == FEED_MORE)
			r = err_set(err, EBADMSG, "unexpected EOF");
	}
	return r < 0 ? err_context(err, "%s", path) : r;
}

/* ---- the request ---- */

/* How many bytes at the front are text: no control characters but tabs and carriage returns. */
static size_t text_length(const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && ((unsigned char)data[n] >= ' ' || data[n] == '\t' || data[n] == '\r'))
		n++;
	return n;
}

/* Bytes of the line at the front, its newline too; 0: there is none; -EAGAIN: more will tell. A
 * first line is text up to a newline, and nothing compressed: else what is no archive would be
 * found to be a malformed line. */
static ssize_t find_line(const char *data, size_t len, bool all)
{
	size_t max = len < UPLOAD_LINE_MAX ? len : UPLOAD_LINE_MAX;
	size_t text = text_length(data, max);
	bool ends = text < max; /* in a newline, or in what no line has */
	enum compression c = COMPRESSION_NONE;

	if (len < COMPRESSION_HEAD && !ends && !all)
		return -EAGAIN;
	if (len >= COMPRESSION_HEAD &&
	    (compression_detect(data, len, &c, NULL) || c != COMPRESSION_NONE))
		return 0;
	if (ends)
		return data[text] == '\n' ? (ssize_t)text + 1 : 0;
	if (max == UPLOAD_LINE_MAX)
		return 0;
	return all ? (ssize_t)len : -EAGAIN;
}

/* What is known of the request tells how it begins; FEED_DONE where it was a file. */
static int upload_begin(struct upload *u, const struct fs *fs, struct job *j, size_t line,
			struct buf *answer, struct err *err)
{
	autowords words = WORDS_INIT;
	autofree char *path = NULL;
	int r = 0;

	if (line > 0) {
		size_t len = line - (u->head.data[line - 1] == '\n');

		if (len && u->head.data[len - 1] == '\r')
			len--;
		u->line = strndup(u->head.data, len);
		r = u->line ? words_split(u->line, &words, err) : err_nomem(err);
	}
	if (!r)
		r = u->begin(u->arg, &words, &path, err);
	u->begun = true;
	return !r && path ? read_file(u, fs, j, path, answer, err) : r;
}

static int upload_feed(struct upload *u, struct job *j, const void *data, size_t len, size_t *used,
		       struct buf *answer, struct err *err)
{
	int r = u->feed(u->arg, data, len, job_cancel(j), used, answer, err);

	u->bytes += *used;
	job_progress(j, u->bytes, 0);
	return r;
}

/* The beginning: kept until it is known what it is. */
static int write_head(struct upload *u, const struct fs *fs, struct job *j, const void *data,
		      size_t len, size_t *used, struct buf *answer, struct err *err)
{
	size_t before = u->head.len, rest;
	ssize_t line;
	int r;

	buf_append(&u->head, data, len);
	if (buf_failed(&u->head))
		return err_nomem(err);
	line = find_line(u->head.data ? u->head.data : "", u->head.len, len == 0);
	if (line == -EAGAIN)
		return FEED_MORE;
	r = upload_begin(u, fs, j, (size_t)line, answer, err);
	rest = u->head.len - (size_t)line;
	*used = (size_t)line > before ? (size_t)line - before : 0;
	if (r == FEED_MORE && (rest > 0 || len == 0)) {
		size_t taken = rest;

		r = upload_feed(u, j, u->head.data + line, rest, &taken, answer, err);
		*used = (size_t)line + taken > before ? (size_t)line + taken - before : 0;
	}
	buf_free(&u->head);
	return r;
}

int upload_write(struct upload *u, struct fs *fs, struct job *j, const void *data, size_t len,
		 size_t *used, struct buf *answer, struct err *err)
{
	if (u->begun)
		return upload_feed(u, j, data, len, used, answer, err);
	return write_head(u, fs, j, data, len, used, answer, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * Files of the store: whole reads and writes, and the one way to make a file: temporary
 * file, fsync, rename, fsync of the directory. Paths are relative to a directory
 * descriptor and never leave it (openat2 RESOLVE_BENEATH, no symlinks).
 *
 * -EDQUOT is reported as -ENOSPC. Other failures of the disk come as they are (-EIO, -EROFS,
 * -EACCES). -EFBIG: the process may not write files that large; the program must ignore SIGXFSZ.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens below dirfd; O_CLOEXEC is added. Returns the descriptor, which the caller closes. -EBADMSG: it
 * is no regular file (nor, with O_RDONLY and O_DIRECTORY, a directory), or a symbolic link is
 * anywhere in the path. */
int io_open(int dirfd, const char *path, int flags, mode_t mode, struct err *err);

/* Notes that the file is used now (`now_ms` is clock_wall_ms()): sets its atime, at most once a second,
 * where we may. *noted is when it was set last, in ms, and is updated. */
void io_note_use(int fd, _Atomic int64_t *noted, int64_t now_ms);

/* Write or read all bytes, in spite of EINTR and short counts. io_pread_all: -EIO: the file ends. */
int io_write_all(int fd, const void *data, size_t len, struct err *err);
int io_pwrite_all(int fd, const void *data, size_t len, off_t offset, struct err *err);
int io_pread_all(int fd, void *data, size_t len, off_t offset, struct err *err);

/* Called after `len` bytes were written at `offset`: the disk begins to write each 8 MiB that are
 * complete, so that the fsync of a publish finds little left to do. A hint. */
void io_start_writeback(int fd, uint64_t offset, size_t len);

/* Reads up to max bytes, fewer only at the end of the file. Returns the count, or -errno. */
ssize_t io_pread(int fd, void *data, size_t max, off_t offset, struct err *err);

/* Appends a whole file to *out. -EFBIG: it is larger than max bytes. */
int io_read_file(int dirfd, const char *path, size_t max, struct buf *out, struct err *err);
/* The same for an open file; `what` names it in an error. */
int io_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *err);

/* Publishes a whole file at path, in place of the one that is there. */
int io_publish(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	       struct err *err);

/*
 * The same in steps, for files that are written piece by piece. The temporary file lies in the
 * directory of `final_path`; missing directories are made (0700). Its name is IO_TMP_PREFIX and 16
 * hex digits. It is flock()ed while it is open; store_open() removes those that nobody holds.
 * io_tmp_commit may move it to another directory of the store.
 */
#define IO_TMP_PREFIX ".tmp-"
struct io_tmp {
	int dirfd;	/* borrowed: the root that paths are relative to */
	int fd;		/* owned; -1: none */
	char path[512]; /* of the temporary file */
};
int io_tmp_open(int dirfd, const char *final_path, mode_t mode, struct io_tmp *t, struct err *err);

/* Moves the file as io_move does. Ends t, also on failure: the temporary file is then removed, unless
 * it was renamed already. */
int io_tmp_commit(struct io_tmp *t, const char *final_path, struct err *err);

/* The same without any sync: for a file that shows by itself whether it is whole. */
int io_tmp_rename(struct io_tmp *t, const char *final_path, struct err *err);
void io_tmp_abort(struct io_tmp *t); /* unlinks; after commit, or twice: nothing */

/* Renames an existing, complete file of the store, open as fd: fsync, rename, fsync of the directory.
 * With fd -1 nothing is synced. If only the last fsync fails, the file is whole under `to`, but a
 * power cut may undo the rename. Then nothing may be done to the file any more, and the directory must
 * be synced before anything is built on it (store_unsynced). */
int io_move(int dirfd, int fd, const char *from, const char *to, struct err *err);

/* mkdir -p below dirfd with the mode; each new directory is durable. */
int io_mkdirs(int dirfd, const char *path, mode_t mode, struct err *err);

/* Calls `each` for every name in a directory that does not begin with a dot, until a call returns
 * something other than 0, which is then the result. The `dirfd` that it gets is that directory's. A
 * directory that is missing counts as empty. */
int io_each_file(int dirfd, const char *path,
		 int (*each)(void *arg, int dirfd, const char *name, struct err *err), void *arg,
		 struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Files of the store: whole reads and writes, and the one way in which a file comes
 * to be there: temporary file, fsync, rename, fsync of the directory. Paths are
 * relative to a directory descriptor and never leave it (openat2 RESOLVE_BENEATH,
 * no symlinks). -ENOSPC and -EDQUOT are both reported as -ENOSPC, other failures of
 * the disk as they come (-EIO, -EROFS, -EACCES; -EFBIG, where the process may not write files that
 * large: SIGXFSZ is to be ignored).
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens below dirfd; O_CLOEXEC is added. Returns the descriptor or -errno. O_RDONLY opens must find
 * a regular file or, with O_DIRECTORY, a directory: anything else, and a symbolic link anywhere in
 * the path, is -EBADMSG. */
int io_open(int dirfd, const char *path, int flags, mode_t mode, struct err *err);

/* The file is used at `now_ms` (clock_wall_ms): its atime says so, to the second, where it may be
 * changed. *noted is when that was set last. */
void io_note_use(int fd, _Atomic int64_t *noted, int64_t now_ms);

/* All of it, in spite of EINTR and short counts. io_pread_all: end of file inside is -EIO. */
int io_write_all(int fd, const void *data, size_t len, struct err *err);
int io_pwrite_all(int fd, const void *data, size_t len, off_t offset, struct err *err);
int io_pread_all(int fd, void *data, size_t len, off_t offset, struct err *err);

/* After a write at the end of a file: the disk begins with each WRITEBACK (8 MiB) as they are
 * complete, so that the fsync of a publish finds little left to do. A hint. */
void io_start_writeback(int fd, uint64_t offset, size_t len);

/* Up to max bytes, less only at the end of the file; the count, or -errno. */
ssize_t io_pread(int fd, void *data, size_t max, off_t offset, struct err *err);

/* Appends a whole file to *out; larger than max: -EFBIG. */
int io_read_file(int dirfd, const char *path, size_t max, struct buf *out, struct err *err);
/* The same of one that is open; `what` names it in an error. */
int io_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *err);

/* Publishes a whole file at path, replacing what is there. */
int io_publish(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	       struct err *err);

/*
 * The same in steps, for files that are written piece by piece. The temporary file lies in the
 * directory of the path given to io_tmp_open, is named IO_TMP_PREFIX and 16 hex digits, and is
 * flock()ed as long as it is open; store_open() sweeps those that nobody holds. Directories that
 * are missing are made (0700). io_tmp_commit may move it to another directory of the store.
 */
#define IO_TMP_PREFIX ".tmp-"
struct io_tmp {
	int dirfd;	/* borrowed: the root that paths are relative to */
	int fd;		/* owned; -1: none */
	char path[512]; /* of the temporary file */
};
int io_tmp_open(int dirfd, const char *final_path, mode_t mode, struct io_tmp *t, struct err *err);

/* io_move, with what it says of failures. Ends t: the temporary file has gone where it still has its
 * own name. */
int io_tmp_commit(struct io_tmp *t, const char *final_path, struct err *err);

/* The same with nothing synced: for what shows by itself whether it is whole. */
int io_tmp_rename(struct io_tmp *t, const char *final_path, struct err *err);
void io_tmp_abort(struct io_tmp *t); /* unlinks; after commit, or twice: nothing */

/* Renames an existing, complete file of the store: fsync, rename, fsync of the directory; with -1 as fd nothing is
 * synced. A failure
 * of the last leaves the file published, whole, under `to`, which a power cut may take back: so
 * nothing may be done to it any more, and who builds on it has to sync first (store_unsynced). */
int io_move(int dirfd, int fd, const char *from, const char *to, struct err *err);

/* mkdir -p below dirfd with the mode. */
int io_mkdirs(int dirfd, const char *path, mode_t mode, struct err *err);

/* Calls each for the names in a directory, hidden ones left out, until one gives not 0; `dirfd` is
 * that directory then. One that is missing is empty. */
int io_each_file(int dirfd, const char *path,
		 int (*each)(void *arg, int dirfd, const char *name, struct err *err), void *arg,
		 struct err *err);

#endif

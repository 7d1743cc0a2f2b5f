/* SPDX-License-Identifier: MIT */
#include "store/base/io.h"

#include "store/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOTE_USE_MS 1000 /* how exact the time of a use is */
#define WRITEBACK   (8u << 20)

/* The limit is the process's more often than the file system's: its words alone lead nowhere. */
static int too_large(struct err *err, const char *what, const char *path)
{
	struct rlimit l = {.rlim_cur = RLIM_INFINITY};

	getrlimit(RLIMIT_FSIZE, &l);
	if (l.rlim_cur == RLIM_INFINITY)
		return err_set(err, EFBIG, "%s %s: larger than its file system allows", what, path);
	return err_set(err, EFBIG,
		       "%s %s: imagefs was started with a limit of %llu bytes a file (ulimit -f)",
		       what, path, (unsigned long long)l.rlim_cur);
}

/* A full quota and a full disk ask the same of the user. */
static int disk_error(struct err *err, const char *what, const char *path)
{
	if (errno == EFBIG)
		return too_large(err, what, path);
	if (errno == EDQUOT)
		errno = ENOSPC;
	return err_sys(err, "%s %s", what, path);
}

static int open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
			       .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
			       .resolve =
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

int io_open(int dirfd, const char *path, int flags, mode_t mode, struct err *err)
{
	bool reading = (flags & O_ACCMODE) == O_RDONLY;
	autoclose int fd = -1;
	struct stat st;

	/* Opening a fifo that somebody planted must not wait for its other end. */
	fd = open_beneath(dirfd, path, flags | O_NONBLOCK, mode);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, EBADMSG, "open %s: a symbolic link: refused", path);
	if (fd < 0)
		return disk_error(err, "open", path);
	if (fstat(fd, &st) < 0)
		return disk_error(err, "stat", path);
	if (!S_ISREG(st.st_mode) && !(reading && (flags & O_DIRECTORY)))
		return err_set(err, EBADMSG, "open %s: not a regular file: refused", path);
	return steal_fd(&fd);
}

/* At the offset, or where that is NULL at the file's own. */
static int write_at(int fd, const void *data, size_t len, const off_t *offset, struct err *err)
{
	const char *p = data;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = offset ? pwrite(fd, p + done, len - done, *offset + (off_t)done)
			   : write(fd, p + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_error(err, "write", "to the store");
		done += (size_t)n;
	}
	return 0;
}

int io_write_all(int fd, const void *data, size_t len, struct err *err)
{
	return write_at(fd, data, len, NULL, err);
}

int io_pwrite_all(int fd, const void *data, size_t len, off_t offset, struct err *err)
{
	return write_at(fd, data, len, &offset, err);
}

void io_start_writeback(int fd, uint64_t offset, size_t len)
{
	uint64_t done = offset / WRITEBACK * WRITEBACK;
	uint64_t complete = (offset + len) / WRITEBACK * WRITEBACK;

	if (complete > done)
		sync_file_range(fd, (off_t)done, (off_t)(complete - done), SYNC_FILE_RANGE_WRITE);
}

ssize_t io_pread(int fd, void *data, size_t max, off_t offset, struct err *err)
{
	size_t done = 0;
	ssize_t n;

	while (done < max) {
		n = pread(fd, (char *)data + done, max - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_error(err, "read", "from the store");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_pread_all(int fd, void *data, size_t len, off_t offset, struct err *err)
{
	ssize_t n = io_pread(fd, data, len, offset, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return err_set(err, EIO, "a file of the store ends early");
	return 0;
}

int io_read_file(int dirfd, const char *path, size_t max, struct buf *out, struct err *err)
{
	autoclose int fd = io_open(dirfd, path, O_RDONLY, 0, err);

	return fd < 0 ? fd : io_read_fd(fd, path, max, out, err);
}

int io_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *err)
{
	struct stat st;
	char *room;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return disk_error(err, "stat", what);
	if ((uintmax_t)st.st_size > max)
		return err_set(err, EFBIG, "%s is larger than %zu bytes", what, max);
	room = buf_reserve(out, (size_t)st.st_size);
	if (!room)
		return err_nomem(err);
	n = io_pread(fd, room, (size_t)st.st_size, 0, err);
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

/* The directory of a path, opened; *name is the last component. */
static int open_parent(int dirfd, const char *path, const char **name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	autofree char *dir = NULL;

	if (!slash) {
		*name = path;
		return io_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0, err);
	}
	*name = slash + 1;
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return err_nomem(err);
	return io_open(dirfd, dir, O_RDONLY | O_DIRECTORY, 0, err);
}

/* The publish: what is at `from` is durable before the name is, and the name when this returns. */
int io_move(int dirfd, int fd, const char *from, const char *to, struct err *err)
{
	autoclose int from_dir = -1, to_dir = -1;
	const char *from_name, *to_name;

	from_dir = open_parent(dirfd, from, &from_name, err);
	if (from_dir < 0)
		return from_dir;
	to_dir = open_parent(dirfd, to, &to_name, err);
	if (to_dir < 0)
		return to_dir;
	if (fd >= 0 && fsync(fd) < 0)
		return disk_error(err, "fsync", from);
	if (renameat(from_dir, from_name, to_dir, to_name) < 0)
		return disk_error(err, "rename to", to);
	if (fd >= 0 && fsync(to_dir) < 0)
		return disk_error(err, "fsync the directory of", to);
	return 0;
}

/*
 * A temporary file is locked as long as its writer lives: the sweep of a later start removes the
 * ones that it can lock. Between creation and lock a sweep may have taken it: then try another.
 */
static int create_locked(struct io_tmp *t, int dirfd, mode_t mode, struct err *err)
{
	autoclose int fd = io_open(dirfd, t->path, O_RDWR | O_CREAT | O_EXCL, mode, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0)
		return err_set(err, EEXIST, "create %s: swept away", t->path);
	t->fd = steal_fd(&fd);
	return 0;
}

static int create_parent(int dirfd, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	autofree char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

	return dir ? io_mkdirs(dirfd, dir, 0700, err) : err_nomem(err);
}

int io_tmp_open(int dirfd, const char *final_path, mode_t mode, struct io_tmp *t, struct err *err)
{
	const char *slash = strrchr(final_path, '/');
	int dir_len = slash ? (int)(slash - final_path) + 1 : 0;
	uint64_t random;
	int r = -EEXIST;

	t->dirfd = dirfd;
	t->fd = -1;
	for (int tries = 0; tries < 100 && (r == -EEXIST || r == -ENOENT); tries++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_sys(err, "random numbers");
		if (snprintf(t->path, sizeof(t->path), "%.*s" IO_TMP_PREFIX "%016" PRIx64, dir_len,
			     final_path, random) >= (int)sizeof(t->path))
			return err_set(err, ENAMETOOLONG, "create %s: the path is too long",
				       final_path);
		/* derived/ may be deleted at any time, also below a running program. */
		if (r == -ENOENT && create_parent(dirfd, t->path, err))
			return -ENOENT;
		r = create_locked(t, dirfd, mode, err);
	}
	return r;
}

int io_tmp_commit(struct io_tmp *t, const char *final_path, struct err *err)
{
	int r = io_move(t->dirfd, t->fd, t->path, final_path, err);

	if (r) {
		io_tmp_abort(t);
		return r;
	}
	close(t->fd);
	t->fd = -1;
	return 0;
}

int io_tmp_rename(struct io_tmp *t, const char *final_path, struct err *err)
{
	int r = io_move(t->dirfd, -1, t->path, final_path, err);

	io_tmp_abort(t); /* where it was renamed it has that name no more */
	return r;
}

void io_tmp_abort(struct io_tmp *t)
{
	autoclose int dir = -1;
	const char *name;

	if (t->fd < 0)
		return;
	dir = open_parent(t->dirfd, t->path, &name, NULL);
	if (dir >= 0)
		unlinkat(dir, name, 0);
	close(t->fd);
	t->fd = -1;
}

int io_publish(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	       struct err *err)
{
	struct io_tmp t;
	int r = io_tmp_open(dirfd, path, mode, &t, err);

	if (r)
		return r;
	r = io_write_all(t.fd, data, len, err);
	if (r) {
		io_tmp_abort(&t);
		return r;
	}
	return io_tmp_commit(&t, path, err);
}

/* One directory: made where it is not there, its entry made durable, opened. */
static int io_enter(int parent, const char *name, mode_t mode, struct err *err)
{
	int fd = io_open(parent, name, O_RDONLY | O_DIRECTORY, 0, err);

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(parent, name, mode) < 0) {
		if (errno != EEXIST)
			return disk_error(err, "create the directory", name);
	} else if (fsync(parent) < 0) {
		int r = disk_error(err, "fsync the directory above", name);

		/* A caller that found it next time would not sync the directory above. */
		unlinkat(parent, name, AT_REMOVEDIR);
		return r;
	}
	return io_open(parent, name, O_RDONLY | O_DIRECTORY, 0, err);
}

int io_mkdirs(int dirfd, const char *path, mode_t mode, struct err *err)
{
	autofree char *copy = strdup(path);
	autoclose int parent = -1;
	char *rest, *name;
	int fd;

	if (!copy)
		return err_nomem(err);
	for (name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		fd = io_enter(parent < 0 ? dirfd : parent, name, mode, err);
		if (fd < 0)
			return err_context(err, "%s", path);
		if (parent >= 0)
			close(parent);
		parent = fd;
	}
	return 0;
}

void io_note_use(int fd, _Atomic int64_t *noted, int64_t now_ms)
{
	static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};

	if (now_ms - atomic_load_explicit(noted, memory_order_relaxed) < NOTE_USE_MS)
		return;
	atomic_store_explicit(noted, now_ms, memory_order_relaxed);
	futimens(fd, now);
}

int io_each_file(int dirfd, const char *path,
		 int (*each)(void *arg, int dirfd, const char *name, struct err *err), void *arg,
		 struct err *err)
{
	int fd = io_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, err), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (fd == -ENOENT)
		return 0;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : err_nomem(err);
	}
	while (!r && (e = readdir(d)))
		if (e->d_name[0] != '.')
			r = each(arg, fd, e->d_name, err);
	closedir(d);
	return r;
}

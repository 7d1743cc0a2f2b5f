/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: a call that changes something below a directory fails, or the process is killed
 * in front of it. What a power cut then leaves is played back from the log (faults/power.py).
 *
 *	FAULT_ROOT	the directory, as realpath has it
 *	FAULT_LOG	file: a line for each call, number, name, arguments by tabs, result
 *	FAULT_AT	the number of the call; 0: none
 *	FAULT_HOW	kill, once, ever (it and all behind it), directory (an fsync of a directory:
 *			only those are counted)
 *	FAULT_ERRNO	the number of the errno
 *	FAULT_KEPT	directory: what is replaced or unlinked keeps a name there, by the call's number
 *
 * One call at a time, so that the log has them in their order.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT	 __attribute__((visibility("default")))
#define PATH_LEN 4096
#define LOG_FD	 900 /* above those that the program closes at its start */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *kept, *how = "";
static long at, number;
static int log_fd = -1, error = EIO;
static bool told; /* the call under way has a line in the log */

__attribute__((constructor)) static void prepare(void)
{
	const char *text = getenv("FAULT_LOG");
	int fd = text ? open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd >= 0) {
		log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
		close(fd);
	}
	root = getenv("FAULT_ROOT");
	kept = getenv("FAULT_KEPT");
	text = getenv("FAULT_AT");
	at = text ? atol(text) : 0;
	text = getenv("FAULT_ERRNO");
	error = text ? atoi(text) : EIO;
	text = getenv("FAULT_HOW");
	how = text ? text : "";
}

/* ---- which files ---- */

static bool is_below(const char *path)
{
	size_t len = root ? strlen(root) : 0;

	return len && !strncmp(path, root, len) && (path[len] == '/' || !path[len]);
}

static bool path_of(int fd, char path[static PATH_LEN])
{
	char link[64];
	ssize_t n;

	if (!root)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_LEN - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return is_below(path);
}

static bool path_at(int dirfd, const char *name, char path[static PATH_LEN])
{
	char dir[PATH_LEN] = "";

	/* Not prepared yet: a sanitizer may be about to begin, before which nothing can be printed. */
	if (!root)
		return false;
	if (name[0] == '/')
		return snprintf(path, PATH_LEN, "%s", name) < PATH_LEN && is_below(path);
	if (dirfd == AT_FDCWD || !path_of(dirfd, dir))
		return false;
	return snprintf(path, PATH_LEN, "%s/%s", dir, name) < PATH_LEN;
}

static unsigned long inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* ---- a call ---- */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[3 * PATH_LEN];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (log_fd >= 0 && n > 0 && (size_t)n < sizeof(line))
		syscall(SYS_write, log_fd, line, (size_t)n);
}

/* Takes the lock, which leave() gives back. True where the call is to fail. */
static bool enter(const char *name, const char *what, bool directory)
{
	bool only = !strcmp(how, "directory"), fails;

	pthread_mutex_lock(&lock);
	told = directory || !only;
	if (!told)
		return false;
	number++;
	say("%ld\t%s\t%s", number, name, what);
	if (number == at && !strcmp(how, "kill")) {
		say("\t?\n");
		kill(getpid(), SIGKILL);
		for (;;)
			pause();
	}
	fails = at > 0 && *how && (number == at || (number > at && !strcmp(how, "ever")));
	if (fails)
		errno = error;
	return fails;
}

static long leave(long result)
{
	int saved = errno;

	if (told)
		say("\t%ld\n", result < 0 ? -(long)saved : result);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return result;
}

static void keep(const char *path)
{
	char to[2 * PATH_LEN];

	snprintf(to, sizeof(to), "%s/%ld", kept ? kept : "", number);
	if (kept)
		link(path, to);
}

/* ---- descriptors ---- */

#define ON_FD(fd, name, directory, call, ...)                                                      \
	do {                                                                                       \
		char path[PATH_LEN], what[PATH_LEN + 128];                                         \
		bool ours = path_of(fd, path);                                                     \
                                                                                                   \
		if (!ours)                                                                         \
			return call;                                                               \
		snprintf(what, sizeof(what), __VA_ARGS__);                                         \
		return leave(enter(name, what, directory) ? -1 : (long)call);                      \
	} while (0)

/* Where the next write goes: what is appended lies behind all that is there. */
static long write_offset(int fd)
{
	return (long)lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	ON_FD(fd, "write", false, REAL(write)(fd, data, len), "%lu\t%ld\t%zu\t%s", inode_of(fd),
	      write_offset(fd), len, path);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	ON_FD(fd, "write", false, REAL(pwrite64)(fd, data, len, offset), "%lu\t%ld\t%zu\t%s",
	      inode_of(fd), (long)offset, len, path);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
	ON_FD(fd, "truncate", false, REAL(ftruncate64)(fd, len), "%lu\t%ld\t%s", inode_of(fd),
	      (long)len, path);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	ON_FD(fd, "fallocate", false, REAL(fallocate64)(fd, mode, offset, len), "%lu\t%s",
	      inode_of(fd), path);
}

EXPORT int futimens(int fd, const struct timespec times[2])
{
	ON_FD(fd, "utimens", false, REAL(futimens)(fd, times), "%lu\t%s", inode_of(fd), path);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

EXPORT int fsync(int fd)
{
	ON_FD(fd, "fsync", is_directory(fd), REAL(fsync)(fd), "%lu\t%s", inode_of(fd), path);
}

EXPORT int fdatasync(int fd)
{
	ON_FD(fd, "fsync", false, REAL(fdatasync)(fd), "%lu\t%s", inode_of(fd), path);
}

/* ---- names ---- */

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	char a[PATH_LEN], b[PATH_LEN], what[2 * PATH_LEN];

	if (!path_at(from_fd, from, a) || !path_at(to_fd, to, b))
		return REAL(renameat)(from_fd, from, to_fd, to);
	snprintf(what, sizeof(what), "%s\t%s", a, b);
	if (enter("rename", what, false))
		return (int)leave(-1);
	keep(b);
	return (int)leave(REAL(renameat)(from_fd, from, to_fd, to));
}

EXPORT int unlinkat(int fd, const char *name, int flags)
{
	char path[PATH_LEN];

	if (!path_at(fd, name, path))
		return REAL(unlinkat)(fd, name, flags);
	if (enter("unlink", path, false))
		return (int)leave(-1);
	if (!(flags & AT_REMOVEDIR))
		keep(path);
	return (int)leave(REAL(unlinkat)(fd, name, flags));
}

EXPORT int mkdirat(int fd, const char *name, mode_t mode)
{
	char path[PATH_LEN];

	if (!path_at(fd, name, path))
		return REAL(mkdirat)(fd, name, mode);
	return (int)leave(enter("mkdir", path, false) ? -1 : REAL(mkdirat)(fd, name, mode));
}

EXPORT int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

/* io_open() is an openat2 by syscall(2): what it creates counts. */
EXPORT long syscall(long nr, ...)
{
	__typeof__(&syscall) real = REAL(syscall);
	const struct open_how *open_how;
	char path[PATH_LEN];
	struct stat st;
	long a[6];
	va_list arguments;

	va_start(arguments, nr);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	open_how = (const void *)a[2];
	if (nr != SYS_openat2 || !(open_how->flags & O_CREAT) ||
	    !path_at((int)a[0], (const char *)a[1], path) || lstat(path, &st) == 0)
		return real(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (enter("create", path, false))
		return leave(-1);
	return leave(real(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

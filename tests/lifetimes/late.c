/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: after an answer went to the kernel, the thread that gave it sleeps, as one that
 * lost its processor there. What it touches when it wakes must still be there, although the kernel
 * has the answer and may have forgotten everything that the request was about.
 *
 *	LATE	the kinds of answers, by commas: read readdir readdirplus lookup forget getattr
 *		readlink getxattr listxattr write …: of requests; store, inval_entry: notifications;
 *		small, large: by their size (more than 16 KiB); all
 *	LATE_US	for how long, in us (20000)
 *
 * Which request an answer is to is known by its number, which was seen when the request was read.
 * What is spliced has its header in a pipe: it is data of a file, hence a read. Descriptors are
 * looked at anew each time: a fstat costs less than to know when one was closed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT	   __attribute__((visibility("default")))
#define FUSE_MAJOR 10
#define FUSE_MINOR 229
#define LARGE	   16384
#define REQUESTS   4096 /* under way at the same time */

static _Atomic uint32_t opcodes[REQUESTS]; /* by the request's number */

/* ---- what is late ---- */

static const struct {
	uint32_t opcode;
	const char *name;
} requests[] =
    {
	{FUSE_LOOKUP, "lookup"},     {FUSE_GETATTR, "getattr"},
	{FUSE_SETATTR, "setattr"},   {FUSE_READLINK, "readlink"},
	{FUSE_READ, "read"},	     {FUSE_WRITE, "write"},
	{FUSE_READDIR, "readdir"},   {FUSE_READDIRPLUS, "readdirplus"},
	{FUSE_GETXATTR, "getxattr"}, {FUSE_LISTXATTR, "listxattr"},
	{FUSE_STATFS, "statfs"},     {FUSE_UNLINK, "unlink"},
	{FUSE_RMDIR, "rmdir"},	     {FUSE_SYMLINK, "symlink"},
	{FUSE_RENAME, "rename"},
},
  notifications[] = {
      {FUSE_NOTIFY_STORE, "store"},
      {FUSE_NOTIFY_INVAL_ENTRY, "inval_entry"},
      {FUSE_NOTIFY_INVAL_INODE, "inval_inode"},
};

/* Whether a word is in $LATE. */
static bool is_late(const char *word)
{
	const char *at = getenv("LATE");
	size_t len = strlen(word);

	for (; at && *at; at += strspn(at, ",")) {
		size_t n = strcspn(at, ",");

		if (n == len && !memcmp(at, word, n))
			return true;
		at += n;
	}
	return false;
}

static const char *name_of(const struct fuse_out_header *h)
{
	if (h->unique == 0) {
		for (size_t i = 0; i < sizeof(notifications) / sizeof(*notifications); i++)
			if ((uint32_t)h->error == notifications[i].opcode)
				return notifications[i].name;
		return "";
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (atomic_load(&opcodes[h->unique / 2 % REQUESTS]) == requests[i].opcode)
			return requests[i].name;
	return "";
}

static void sleep_if(const char *kind, size_t size)
{
	const char *us = getenv("LATE_US");
	int saved = errno;

	if (is_late("all") || is_late(kind) || is_late(size > LARGE ? "large" : "small"))
		usleep(us ? (useconds_t)atoi(us) : 20000);
	errno = saved;
}

/* ---- the kernel's side ---- */

static bool is_fuse(int fd)
{
	int saved = errno;
	struct stat st;
	bool is = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
		  st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR);

	errno = saved;
	return is;
}

/* Numbers of requests are even; an interrupt has that of its request, and one more. */
static void note_request(const void *data, ssize_t n)
{
	const struct fuse_in_header *h = data;

	if (n >= (ssize_t)sizeof(*h) && h->unique % 2 == 0)
		atomic_store(&opcodes[h->unique / 2 % REQUESTS], h->opcode);
}

static void after_answer(const struct iovec *v, ssize_t n)
{
	struct fuse_out_header h;

	if (n < (ssize_t)sizeof(h) || v[0].iov_len < sizeof(h))
		return;
	memcpy(&h, v[0].iov_base, sizeof(h));
	sleep_if(name_of(&h), (size_t)n);
}

/* The real function; a sanitizer may call before the linker is done. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

EXPORT ssize_t read(int fd, void *data, size_t len)
{
	__typeof__(&read) real = REAL(read);
	ssize_t n = real ? real(fd, data, len) : syscall(SYS_read, fd, data, len);

	if (n >= (ssize_t)sizeof(struct fuse_in_header) && is_fuse(fd))
		note_request(data, n);
	return n;
}

EXPORT ssize_t readv(int fd, const struct iovec *v, int count)
{
	ssize_t n = REAL(readv)(fd, v, count);

	if (n >= (ssize_t)sizeof(struct fuse_in_header) && is_fuse(fd))
		note_request(v[0].iov_base, n < (ssize_t)v[0].iov_len ? n : (ssize_t)v[0].iov_len);
	return n;
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	const struct iovec v = {(void *)data, len};
	__typeof__(&write) real = REAL(write);
	bool fuse = is_fuse(fd);
	ssize_t n = real ? real(fd, data, len) : syscall(SYS_write, fd, data, len);

	if (fuse)
		after_answer(&v, n);
	return n;
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int count)
{
	bool fuse = is_fuse(fd);
	ssize_t n = REAL(writev)(fd, v, count);

	if (fuse && count > 0)
		after_answer(v, n);
	return n;
}

EXPORT ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
		      unsigned flags)
{
	bool fuse = is_fuse(to);
	ssize_t n = REAL(splice)(from, from_at, to, to_at, len, flags);

	if (fuse && n > 0)
		sleep_if("read", (size_t)n);
	return n;
}

EXPORT ssize_t __read_chk(int fd, void *data, size_t len, size_t size);
EXPORT ssize_t __read_chk(int fd, void *data, size_t len, size_t size)
{
	if (len > size)
		abort();
	return read(fd, data, len);
}

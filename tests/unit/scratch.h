/* SPDX-License-Identifier: MIT */
/*
 * A directory of its own for each unit test, below $TEST_DIR (else $TMPDIR, else /tmp), removed
 * with all that is in it. Include after cmocka.h.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct scratch {
	char path[256];
	int fd;
};

static inline const char *scratch_base(void)
{
	const char *base = getenv("TEST_DIR");

	if (!base)
		base = getenv("TMPDIR");
	return base ? base : "/tmp";
}

static inline struct scratch scratch_make(void)
{
	struct scratch s;

	snprintf(s.path, sizeof(s.path), "%s/imagefs-unit.XXXXXX", scratch_base());
	assert_non_null(mkdtemp(s.path));
	s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s.fd >= 0);
	return s;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_drop(struct scratch *s)
{
	close(s->fd);
	nftw(s->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* fork() of a child that ends with its test, however that ends. */
static inline pid_t scratch_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	assert_true(pid >= 0);
	return pid;
}

/* Kills a child in the midst of its work, of which it tells by bytes that it writes to a pipe:
 * after so many. */
static inline void scratch_kill_after(unsigned bytes, void (*work)(int told))
{
	int pipe_fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = scratch_fork();
	if (pid == 0) {
		work(pipe_fds[1]);
		_exit(1);
	}
	while (bytes--)
		assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* A path below it, in a buffer that the next call reuses. */
static inline const char *scratch_path(const struct scratch *s, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	return path;
}

static inline void scratch_write(const struct scratch *s, const char *name, const void *data,
				 size_t len)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static inline void scratch_puts(const struct scratch *s, const char *name, const char *text)
{
	scratch_write(s, name, text, strlen(text));
}

/* A whole file as a string that the caller frees; *len may be NULL. */
static inline char *scratch_read(const struct scratch *s, const char *name, size_t *len)
{
	int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	if (len)
		*len = (size_t)st.st_size;
	return data;
}

static inline int scratch_has(const struct scratch *s, const char *name)
{
	return faccessat(s->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif

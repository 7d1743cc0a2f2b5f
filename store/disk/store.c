/* SPDX-License-Identifier: MIT */
#include "store/disk/store.h"

#include "store/base/budget.h"
#include "store/base/io.h"
#include "store/disk/store_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_POLL_NS 1000000

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->names)
		s->names_release(s->names);
	if (s->facts)
		s->facts_release(s->facts);
	pthread_mutex_destroy(&s->names_lock);
	pthread_mutex_destroy(&s->held_lock);
	pthread_mutex_destroy(&s->facts_lock);
	budget_free(s->windows);
	if (s->cachefd >= 0)
		close(s->cachefd);
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->path);
	free(s);
}

void store_trust_referrers(struct store *s)
{
	s->trusts_referrers = true;
}

bool store_trusts_referrers(const struct store *s)
{
	return s->trusts_referrers;
}

struct budget *store_windows(struct store *s)
{
	return s->windows;
}

int store_dirfd(const struct store *s)
{
	return s->dirfd;
}

int store_cachefd(const struct store *s)
{
	return s->cachefd;
}

int store_writable(const struct store *s, struct err *err)
{
	if (!s->readonly.code)
		return 0;
	return err_set(err, EROFS, "store %s can only be read: %s", s->path, s->readonly.text);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

struct store_lock {
	int fd; /* owned; an open file description of its own, so that it excludes threads, too */
};

void store_stop(struct store *s)
{
	atomic_store(&s->ending, true);
}

/* flock(2) that can be given up. */
static int store_wait_for(struct store *s, int fd, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, "lock");
		if (atomic_load(&s->ending))
			return err_set(err, EINTR, "interrupted");
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* One try: -EAGAIN where the file that was locked lost its name meanwhile. */
static int lock_file(struct store *s, struct err *err)
{
	autoclose int fd = io_open(s->dirfd, "lock", O_RDWR | O_CREAT, 0600, err);
	struct stat held, named;
	int r;

	if (fd < 0)
		return fd;
	r = store_wait_for(s, fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &held) < 0)
		return err_sys(err, "lock");
	if (fstatat(s->dirfd, "lock", &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    named.st_ino != held.st_ino || named.st_dev != held.st_dev)
		return -EAGAIN;
	return steal_fd(&fd);
}

int store_unsynced(struct store *s, int r)
{
	if (r)
		atomic_store(&s->unsynced, true);
	return r;
}

/* The kernel may forget what of a file it could not write, but not what of a directory: so an fsync
 * of that is worth another try. */
static int sync_directories(struct store *s, struct err *err)
{
	static const char *const dirs[] = {".", "blobs", "blobs/sha256", "blobs/sha512"};
	int r = 0;

	if (!atomic_exchange(&s->unsynced, false))
		return 0;
	for (size_t i = 0; !r && i < sizeof(dirs) / sizeof(*dirs); i++) {
		autoclose int fd = io_open(s->dirfd, dirs[i], O_RDONLY | O_DIRECTORY, 0, err);

		if (fd < 0 && fd != -ENOENT)
			r = fd;
		else if (fd >= 0 && fsync(fd) < 0)
			r = err_sys(err, "fsync the directory %s", dirs[i]);
	}
	return store_unsynced(s, r);
}

int store_lock(struct store *s, struct store_lock **out, struct err *err)
{
	int fd = store_writable(s, err);
	struct store_lock *l;
	int r;

	if (fd < 0)
		return fd;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_nomem(err);
	do {
		fd = lock_file(s, err);
	} while (fd == -EAGAIN);
	if (fd < 0) {
		free(l);
		return fd;
	}
	l->fd = fd;
	r = sync_directories(s, err);
	if (r)
		store_unlock(l);
	else
		*out = l;
	return r;
}

void store_unlock(struct store_lock *l)
{
	if (!l)
		return;
	/* By name: a child between fork and exec may hold a copy of the descriptor. */
	assert(l->fd >= 0);
	flock(l->fd, LOCK_UN);
	close(l->fd);
	free(l);
}

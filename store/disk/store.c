/* SPDX-License-Identifier: MIT */
#include "store/disk/store.h"

#include "store/base/budget.h"
#include "store/base/io.h"
#include "store/disk/layout.h"
#include "store/disk/store_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_POLL_NS 1000000

/* One window of the largest size, and some of the usual ones. */
#define WINDOWS_BYTES (136u << 20)

/* mkdir -p, 0700. What lies above the store may be reached through symlinks: it is the user's. */
static int create_directories(const char *path, struct err *err)
{
	autofree char *copy = strdup(path);
	char *slash;

	if (!copy)
		return err_nomem(err);
	for (slash = copy; slash; *slash = '/') {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST && errno != EISDIR)
			return err_sys(err, "create %s", copy);
		if (!slash)
			break;
	}
	return 0;
}

static int store_open_directory(const char *path, int *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		int r = create_directories(path, err);

		if (r)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(err, "open");
	*out = fd;
	return 0;
}

static int store_check_owner(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat");
	if (st.st_uid != geteuid())
		return err_set(err, EACCES, "it belongs to user %u, not to user %u", st.st_uid,
			       geteuid());
	return 0;
}

/* Makes what a store has beside a layout. */
static int prepare(struct store *s, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	bool complete;
	int r = store_check_owner(s->dirfd, err);

	if (!r)
		r = store_lock(s, &lock, err);
	if (!r) /* another process may have made it meanwhile */
		r = layout_check(s->dirfd, &complete, err);
	if (!r)
		r = layout_create(s->dirfd, complete, err);
	if (!r)
		layout_sweep(s->dirfd);
	return r;
}

static char *cache_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (cache && *cache == '/')
		n = asprintf(&path, "%s/imagefs", cache);
	else if (home && *home == '/')
		n = asprintf(&path, "%s/.cache/imagefs", home);
	else
		n = asprintf(&path, "/var/cache/imagefs");
	return n < 0 ? NULL : path;
}

/* For a layout that is whole, and may not be changed for the reason in s->readonly. */
static int prepare_readonly(struct store *s, struct err *err)
{
	autofree char *path = cache_path();
	int r;

	if (!path)
		return err_nomem(err);
	close(s->cachefd);
	s->cachefd = -1;
	r = store_open_directory(path, &s->cachefd, err);
	if (!r)
		r = store_check_owner(s->cachefd, err);
	if (r)
		return err_context(err, "cache %s", path);
	layout_sweep(s->cachefd);
	return 0;
}

static bool may_not_write(int code)
{
	return code == -EACCES || code == -EROFS || code == -EPERM;
}

static int prepare_any(struct store *s, struct err *err)
{
	bool complete;
	int r = layout_check(s->dirfd, &complete, err);

	if (r)
		return r;
	r = prepare(s, err);
	if (!may_not_write(r))
		return r;
	if (!complete)
		return err_context(err, "not writable");
	s->readonly = *err;
	return prepare_readonly(s, err);
}

int store_open(const char *path, struct store **out, struct err *err)
{
	AUTO(store_close) struct store *s = calloc(1, sizeof(*s));
	struct err why = {0};
	int r;

	if (!s)
		return err_nomem(err);
	s->dirfd = s->cachefd = -1;
	pthread_mutex_init(&s->names_lock, NULL);
	pthread_mutex_init(&s->held_lock, NULL);
	pthread_mutex_init(&s->facts_lock, NULL);
	s->windows = budget_new(WINDOWS_BYTES);
	if (!s->windows)
		return err_nomem(err);
	r = store_open_directory(path, &s->dirfd, &why);
	if (!r) {
		s->path = realpath(path, NULL);
		s->cachefd = fcntl(s->dirfd, F_DUPFD_CLOEXEC, 0);
		r = s->path && s->cachefd >= 0 ? prepare_any(s, &why) : err_sys(&why, "resolve");
	}
	if (r)
		return err_set(err, -r, "store %s: %s", path, why.text);
	*out = steal(&s);
	return 0;
}

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

/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "store/io.h"
#include "store/layout.h"
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

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

static int open_directory(const char *path, int *out, struct err *err)
{
	autoclose int fd = -1;
	struct stat st;
	int r;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		r = create_directories(path, err);
		if (r)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(err, "open");
	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat");
	if (st.st_uid != geteuid())
		return err_set(err, EACCES, "it belongs to user %u, not to user %u", st.st_uid,
			       geteuid());
	*out = steal_fd(&fd);
	return 0;
}

/* Serving a layout that can only be read would begin here: it needs no lock and no sweep, and
 * derived/ elsewhere. */
static int not_writable(int code, struct err *err)
{
	if (code == -EACCES || code == -EROFS || code == -EPERM)
		return err_context(err, "not writable");
	return code;
}

static int prepare(struct store *s, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	bool complete;
	int r = layout_check(s->dirfd, &complete, err);

	if (r)
		return r;
	r = store_lock(s, &lock, err);
	if (r)
		return not_writable(r, err);
	if (!complete) { /* another process may have made it meanwhile */
		r = layout_check(s->dirfd, &complete, err);
		if (r)
			return r;
	}
	r = layout_create(s->dirfd, complete, err);
	if (r)
		return not_writable(r, err);
	layout_sweep(s->dirfd);
	return 0;
}

int store_open(const char *path, struct store **out, struct err *err)
{
	AUTO(store_close) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err);
	s->dirfd = -1;
	pthread_mutex_init(&s->names_lock, NULL);
	r = open_directory(path, &s->dirfd, err);
	if (!r) {
		s->path = realpath(path, NULL);
		r = s->path ? prepare(s, err) : err_sys(err, "resolve");
	}
	if (r)
		return err_context(err, "store %s", path);
	*out = steal(&s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->names)
		s->names_release(s->names);
	pthread_mutex_destroy(&s->names_lock);
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->path);
	free(s);
}

int store_dirfd(const struct store *s)
{
	return s->dirfd;
}

const char *store_path(const struct store *s)
{
	return s->path;
}

struct store_lock {
	int fd; /* owned; an open file description of its own, so that it excludes threads, too */
};

/* One try: -EAGAIN where the file that was locked lost its name meanwhile. */
static int lock_file(struct store *s, struct err *err)
{
	autoclose int fd = io_open(s->dirfd, "lock", O_RDWR | O_CREAT, 0600, err);
	struct stat held, named;
	int r;

	if (fd < 0)
		return fd;
	do {
		r = flock(fd, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	if (r < 0 || fstat(fd, &held) < 0)
		return err_sys(err, "lock");
	if (fstatat(s->dirfd, "lock", &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    named.st_ino != held.st_ino || named.st_dev != held.st_dev)
		return -EAGAIN;
	return steal_fd(&fd);
}

int store_lock(struct store *s, struct store_lock **out, struct err *err)
{
	struct store_lock *l = calloc(1, sizeof(*l));
	int fd;

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
	*out = l;
	return 0;
}

void store_unlock(struct store_lock *l)
{
	if (!l)
		return;
	/* By name: a child between fork and exec may hold a copy of the descriptor. */
	flock(l->fd, LOCK_UN);
	close(l->fd);
	free(l);
}

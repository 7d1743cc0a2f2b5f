/* SPDX-License-Identifier: MIT */
#include "store/base/budget.h"
#include "store/base/io.h"
#include "store/disk/layout.h"
#include "store/disk/names.h"
#include "store/disk/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* Can the names be read? */
static int store_check_names(int r, bool complete, struct err *err)
{
	if (r == -ENOENT && complete)
		return err_set(err, EBADMSG, "index.json is missing, but oci-layout is there");
	return r == -ENOENT ? 0 : r;
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
		r = store_check_names(names_settle_locked(s, true, err), complete, err);
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
	int r = path ? store_check_names(names_check(s, err), true, err) : err_nomem(err);

	if (r)
		return r;
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

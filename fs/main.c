/* SPDX-License-Identifier: MIT */
#include "fs/fuse/ahead.h"
#include "fs/ctl/vn_ctl.h"
#include "fs/tree/catalog.h"
#include "fs/daemon/dead_mount.h"
#include "fs/fuse/decoder.h"
#include "fs/daemon/ending.h"
#include "fs/core/events.h"
#include "fs/core/fs.h"
#include "fs/fuse/fuse_session.h"
#include "fs/daemon/guard.h"
#include "fs/tree/cache_limit.h"
#include "fs/tree/fetch_plan.h"
#include "fs/tree/fresh.h"
#include "fs/tree/image_root.h"
#include "fs/tree/in_use.h"
#include "fs/tree/names_mend.h"
#include "fs/core/inode.h"
#include "fs/core/job.h"
#include "fs/core/layers.h"
#include "fs/daemon/mount_point.h"
#include "fs/core/options.h"
#include "fs/core/dir_locks.h"
#include "fs/core/xattr_names.h"
#include "fs/core/outcomes.h"
#include "fs/daemon/process.h"
#include "fs/tree/referrers.h"
#include "fs/tree/vn.h"
#include "store/base/log.h"
#include "store/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* decoded spans; the kernel's page cache is the real cache */
#define SPAN_CACHE_BYTES (36u << 20)

/* Clears what a mount left whose server was killed. */
static int check_mountpoint(const char *mountpoint, struct err *err)
{
	struct stat st;

	if (dead_mount_at(mountpoint))
		dead_mount_detach(mountpoint);
	if (stat(mountpoint, &st) < 0)
		return err_sys(err, "mount point %s", mountpoint);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "mount point %s: not a directory", mountpoint);
	return 0;
}

/* A store below its own mount would wait for itself. */
static int check_paths(const struct options *o, struct err *err)
{
	autofree char *store = realpath(o->store, NULL);

	if (!store)
		return err_sys(err, "%s", o->store);
	if (mount_point_below(o->mountpoint, store))
		return err_set(err, EINVAL, "the store %s lies below its mount point %s", store,
			       o->mountpoint);
	return 0;
}

static int open_registry(const struct options *o, struct fs *fs, struct err *err)
{
	autofree char *store_auth = NULL;

	if (asprintf(&store_auth, "%s/auth.json", store_path(fs->store)) < 0) {
		store_auth = NULL;
		return err_nomem(err);
	}
	struct registry_options r = {
	    .offline = o->offline,
	    .insecure = (const char *const *)o->insecure.at,
	    .mirrors = (const char *const *)o->mirrors.at,
	    .auth_file = o->auth_file,
	    .store_auth_file = store_auth,
	    .user_agent = "imagefs/" IMAGEFS_VERSION,
	};

	return registry_open(&r, &fs->registry, err);
}

static int open_store(const struct options *o, struct fs *fs, struct err *err)
{
	struct err why;
	int r = store_open(o->store, &fs->store, err);

	if (!r && o->index_referrers)
		store_trust_referrers(fs->store);

	if (!r && store_writable(fs->store, &why) < 0) { /* what names reach could not be kept */
		log_write(LOG_NOTICE, "%s", why.text);
		fs->lookup_remote = false;
	}
	return r ? r : check_paths(o, err);
}

static int open_parts(const struct options *o, struct fs *fs, struct err *err)
{
	int r = events_open(fs->store, &fs->events, err);

	if (!r && o->cache_max)
		r = cache_limit_open(fs, o->cache_max, in_use, &fs->cache_limit, err);

	if (!r)
		r = outcomes_open(&fs->outcomes, err);
	if (!r)
		r = catalogs_open(&fs->catalogs, err);
	if (!r)
		r = referrers_open(fs->store, &fs->referrers, err);
	if (!r)
		r = jobs_open(&fs->jobs, err);
	if (!r)
		r = inodes_open(&fs->inodes, err);
	if (!r)
		r = ahead_open(fs, &fs->ahead, err);
	if (!r)
		r = decoder_open(fs, &fs->decoder, err);
	if (!r)
		r = fetch_plan_open(cache_limit_window(fs->cache_limit), &fs->fetch_plan, err);
	if (!r)
		r = xattr_names_open(&fs->xattr_names, err);
	if (!r)
		r = dir_locks_open(&fs->dir_locks, err);
	if (r < 0)
		return r;
	in_use_watch(fs);
	names_mend_watch(fs);
	return fresh_open(fs, &fs->fresh, err);
}

static int fs_open(const struct options *o, struct fs *fs, struct err *err)
{
	struct vnode *root;
	int r;

	fs->platform = o->platform;
	fs->mountpoint = strdup(o->mountpoint);
	fs->mountpoint_given = strdup(o->mountpoint_given);
	if (!fs->mountpoint || !fs->mountpoint_given)
		return err_nomem(err);
	fs->lookup_remote = o->lookup_remote;
	fs->fetch = o->fetch;
	fs->offline = o->offline;
	fs->xattr = o->xattr;
	fs->owner = getuid();
	fs->group = getgid();
	clock_gettime(CLOCK_REALTIME, &fs->started);
	r = open_store(o, fs, err);
	if (!r)
		r = open_registry(o, fs, err);
	if (!r)
		r = open_parts(o, fs, err);
	if (r < 0)
		return r;
	fs->spans = span_cache_new(SPAN_CACHE_BYTES);
	root = vn_root_new(vn_ctl_new);
	if (!fs->spans || !root || !inodes_add(fs->inodes, INODE_VNODE, &root->inode))
		return err_nomem(err);
	r = layers_open(fs->store, fs->spans, &fs->layers, err);
	return r || !o->image ? r : image_root_open(fs, o->image, err);
}

static void fs_close(struct fs *fs)
{
	fresh_close(fs->fresh);
	decoder_close(fs->decoder);
	ahead_close(fs->ahead);
	inodes_close(fs->inodes);
	layers_close(fs->layers);
	xattr_names_close(fs->xattr_names);
	dir_locks_close(fs->dir_locks);
	jobs_close(fs->jobs);
	fetch_plan_close(fs->fetch_plan);
	cache_limit_close(fs->cache_limit);
	span_cache_free(fs->spans);
	referrers_close(fs->referrers);
	catalogs_close(fs->catalogs);
	outcomes_close(fs->outcomes);
	events_close(fs->events);
	registry_close(fs->registry);
	store_close(fs->store);
	free(fs->mountpoint);
	free(fs->mountpoint_given);
}

/* The parent's side of the pipe learns that the mount answers; the terminal is left behind. */
static void tell_ready(int pipe_fd)
{
	int null;

	if (pipe_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	if (chdir("/") < 0 || write(pipe_fd, "", 1) != 1)
		log_write(LOG_DEBUG, "nobody waits for the start");
	close(pipe_fd);
	if (null >= 0) {
		dup2(null, 2);
		close(null);
	}
}

/* From the mount to its end. What the order of the end is for, fs/fuse/fuse_session.h says. */
static int serve_mount(const struct options *o, struct fs *fs, struct ending *ending,
		       struct guard *guard, int pipe_fd, struct err *err)
{
	AUTO(session_close) struct session *session = NULL;
	int r = session_open(o, fs, ending, guard, &session, err);

	if (r < 0)
		return r;
	tell_ready(pipe_fd);
	cache_limit_look(fs->cache_limit);
	r = session_wait(session, err);
	if (r < 0)
		log_write(LOG_ERR, "%s", err->text);
	fs->ending = true;
	session_quiet(session);
	store_stop(fs->store);
	jobs_stop(fs->jobs);
	fresh_stop(fs->fresh);
	return r;
}

static int serve(const struct options *o, int argc, char **argv, int pipe_fd, struct err *err)
{
	AUTO(guard_close) struct guard *guard = NULL;
	AUTO(ending_close) struct ending *ending = NULL;
	struct fs fs = {0};
	int r = check_mountpoint(o->mountpoint, err);

	if (!r)
		r = guard_start(argc, argv, o->mountpoint, &guard, err);
	if (!r)
		r = ending_open(&ending, err);
	if (!r)
		r = fs_open(o, &fs, err);
	if (!r)
		r = serve_mount(o, &fs, ending, guard, pipe_fd, err);
	else if (fs.jobs)
		jobs_stop(fs.jobs);
	fs_close(&fs);
	return r;
}

/* Goes to the background: true in the child, with the pipe's end; false in the parent, which has
 * waited for the child's word, with the exit status. */
static bool daemonize(int *pipe_fd, int *exit_status)
{
	int ends[2], status;
	pid_t child;
	char byte;
	ssize_t n;

	*exit_status = 1;
	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		perror("imagefs: cannot go to the background");
		return false;
	}
	if (child == 0) {
		process_detach(ends[1]);
		*pipe_fd = ends[1];
		return true;
	}
	close(ends[1]);
	do
		n = read(ends[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	/* Without a byte it ended, and has said why to standard error. */
	if (n == 1)
		*exit_status = 0;
	else if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status))
		*exit_status = WEXITSTATUS(status);
	return false;
}

/* While there is no mount yet. */
static int resolve_mount_point(struct options *o, struct err *err)
{
	o->mountpoint_given = steal(&o->mountpoint);
	return mount_point_resolve(o->mountpoint_given, &o->mountpoint, err);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct err err = {0};
	int pipe_fd = -1, r = process_begin(&err);

	if (!r)
		r = options_parse(argc, argv, &o, &err);
	if (r < 0) {
		fprintf(stderr, "imagefs: %s (imagefs -h shows how it is used)\n", err.text);
	} else if (o.help) {
		fputs(options_usage, stdout);
	} else if (o.version) {
		puts("imagefs " IMAGEFS_VERSION);
	} else if ((r = resolve_mount_point(&o, &err)) < 0) {
		fprintf(stderr, "imagefs: %s\n", err.text);
	} else {
		int status;

		if (!o.foreground && !daemonize(&pipe_fd, &status)) {
			options_clear(&o);
			return status;
		}
		log_open(o.foreground, o.debug ? LOG_DEBUG : LOG_INFO);
		r = serve(&o, argc, argv, pipe_fd, &err);
		if (r < 0)
			fprintf(stderr, "imagefs: %s\n", err.text);
	}
	options_clear(&o);
	return r < 0;
}

/* SPDX-License-Identifier: MIT */
#include "fs/fuse_session.h"

#include "fs/fuse_ops.h"
#include "fs/view.h"
#include "store/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Workers: they decode, and never wait. libfuse's default is 10. */
#define WORKERS_MAX  16
#define WORKERS_IDLE 16

/* A worker looks for the next request for so long before it sleeps, where the last one came less
 * than this ago. In us. */
#define POLL_FOR    50
#define POLL_WITHIN 200

struct session {
	struct fuse_session *fuse;
	bool mounted, handlers;
	atomic_bool polling;	  /* one worker at a time */
	atomic_int_fast64_t last; /* request, in us of CLOCK_MONOTONIC */
};

/* As root umount2 does it; others have the setuid helper of FUSE, in a clean environment. */
static void detach(const char *mountpoint)
{
	char *const argv[] = {"fusermount3", "-u", "-z", "-q", "--", (char *)mountpoint, NULL};
	char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	pid_t pid;

	if (umount2(mountpoint, MNT_DETACH) == 0)
		return;
	if (posix_spawn(&pid, "/usr/bin/fusermount3", NULL, NULL, argv, env) == 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

int session_clear(const char *mountpoint, struct err *err)
{
	struct stat st;

	if (stat(mountpoint, &st) < 0 && errno == ENOTCONN)
		detach(mountpoint);
	if (stat(mountpoint, &st) < 0)
		return err_sys(err, "mount point %s", mountpoint);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "mount point %s: not a directory", mountpoint);
	return 0;
}

/* fsname, subtype and what the user gave; allow_other brings the kernel's permission checks with
 * it. */
static int make_args(const struct options *o, struct fuse_args *args, struct err *err)
{
	autobuf text = BUF_INIT;

	buf_puts(&text, "subtype=imagefs,fsname=");
	for (const char *c = o->store; *c; c++) {
		if (*c == ',' || *c == '\\')
			buf_putc(&text, '\\');
		buf_putc(&text, *c);
	}
	if (o->allow_other)
		buf_puts(&text, ",default_permissions");
	if (o->fuse.len)
		buf_printf(&text, ",%s", o->fuse.data);
	if (buf_failed(&text) || fuse_opt_add_arg(args, "imagefs") < 0 ||
	    fuse_opt_add_arg(args, "-o") < 0 || fuse_opt_add_arg(args, text.data) < 0 ||
	    (o->debug && fuse_opt_add_arg(args, "-d") < 0))
		return err_nomem(err);
	return 0;
}

/*
 * libfuse before 3.16.2 takes FUSE_CAP_PARALLEL_DIROPS and does not pass it on, and the kernel
 * then sends one LOOKUP at a time for a directory: behind one that waits for a registry, all others
 * would wait. The flag is put into the reply to INIT, the first that is written.
 */
static ssize_t write_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;

	if (!atomic_exchange_explicit(&fs->greeted, true, memory_order_relaxed) && count > 1 &&
	    iov[1].iov_len >= offsetof(struct fuse_init_out, flags) + sizeof(uint32_t)) {
		struct fuse_init_out *init = iov[1].iov_base;

		init->flags |= FUSE_PARALLEL_DIROPS;
	}
	return writev(fd, iov, count);
}

/*
 * A reader that waits for one answer after the other (who lists a tree, for one) spends most of its
 * time on processors that go to sleep and are woken. While requests come that fast, one worker
 * stays awake for them; whoever else has work goes first.
 */
static void poll_for_request(struct session *s, int fd)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};
	int64_t start = clock_us();

	if (start - atomic_load_explicit(&s->last, memory_order_relaxed) > POLL_WITHIN ||
	    atomic_exchange(&s->polling, true))
		return;
	while (poll(&in, 1, 0) == 0 && clock_us() - start < POLL_FOR)
		sched_yield();
	atomic_store(&s->polling, false);
}

/* Replies from files of the store, without a copy. */
static ssize_t splice_reply(int from, off_t *from_offset, int to, off_t *to_offset, size_t len,
			    unsigned flags, void *userdata)
{
	(void)userdata;
	return splice(from, from_offset, to, to_offset, len, flags);
}

static ssize_t read_request(int fd, void *data, size_t len, void *userdata)
{
	struct fs *fs = userdata;
	struct session *s = fs->session;
	ssize_t n;

	poll_for_request(s, fd);
	n = read(fd, data, len);
	atomic_store_explicit(&s->last, clock_us(), memory_order_relaxed);
	return n;
}

static int set_io(struct fuse_session *fuse, struct err *err)
{
	const struct fuse_custom_io io = {
	    .writev = write_reply, .read = read_request, .splice_send = splice_reply};
	int r = fuse_session_custom_io(fuse, &io, fuse_session_fd(fuse));

	return r < 0 ? err_set(err, -r, "setting up the FUSE session") : 0;
}

static void forget_name(struct fs *fs, uint64_t parent, const char *name)
{
	struct session *s = fs->session;

	fuse_lowlevel_notify_inval_entry(s->fuse, parent, name, strlen(name));
}

/* FUSE_NOTIFY_STORE, without the copy that libfuse makes of several pieces. */
static int store_pages(struct fs *fs, uint64_t ino, uint64_t offset, const struct iovec *data,
		       size_t count)
{
	struct session *s = fs->session;
	struct fuse_notify_store_out store = {.nodeid = ino, .offset = offset};
	struct fuse_out_header header = {.error = FUSE_NOTIFY_STORE};
	struct iovec iov[2 + VIEW_PIECES] = {{&header, sizeof(header)}, {&store, sizeof(store)}};

	for (size_t i = 0; i < count; i++) {
		store.size += (uint32_t)data[i].iov_len;
		iov[2 + i] = data[i];
	}
	header.len = (uint32_t)(sizeof(header) + sizeof(store) + store.size);
	return writev(fuse_session_fd(s->fuse), iov, (int)(2 + count)) < 0 ? -errno : 0;
}

int session_open(const struct options *o, struct fs *fs, struct session **out, struct err *err)
{
	AUTO(session_close) struct session *s = calloc(1, sizeof(*s));
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r;

	if (!s)
		return err_nomem(err);
	r = make_args(o, &args, err);
	if (!r)
		s->fuse = fuse_session_new(&args, &fuse_ops, sizeof(fuse_ops), fs);
	fuse_opt_free_args(&args);
	if (r < 0)
		return r;
	if (!s->fuse)
		return err_set(err, EINVAL, "FUSE does not take these options: %s",
			       o->fuse.len ? o->fuse.data : "");
	if (fuse_set_signal_handlers(s->fuse) < 0)
		return err_set(err, EIO, "cannot set signal handlers");
	s->handlers = true;
	if (fuse_session_mount(s->fuse, o->mountpoint) < 0)
		return err_set(err, EIO, "cannot mount at %s (is /dev/fuse there?)", o->mountpoint);
	s->mounted = true;
	r = set_io(s->fuse, err);
	if (r < 0)
		return r;
	fs->session = s;
	fs->forget_name = forget_name;
	fs->store_pages = store_pages;
	*out = steal(&s);
	return 0;
}

int session_loop(struct session *s, struct err *err)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	if (!config)
		return err_nomem(err);
	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, WORKERS_MAX);
	fuse_loop_cfg_set_idle_threads(config, WORKERS_IDLE);
	r = fuse_session_loop_mt(s->fuse, config);
	fuse_loop_cfg_destroy(config);
	return r < 0 ? err_set(err, -r, "serving the mount: %s", strerror(-r)) : 0;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	if (s->mounted)
		fuse_session_unmount(s->fuse);
	if (s->handlers)
		fuse_remove_signal_handlers(s->fuse);
	if (s->fuse)
		fuse_session_destroy(s->fuse);
	free(s);
}

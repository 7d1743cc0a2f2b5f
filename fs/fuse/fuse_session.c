/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_session.h"

#include "fs/core/dir_locks.h"
#include "fs/daemon/dead_mount.h"
#include "fs/fuse/fuse_loop.h"
#include "fs/fuse/fuse_notify.h"
#include "fs/fuse/fuse_ops.h"
#include "fs/tree/image_root.h"
#include "fs/tree/view.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static_assert(FUSE_NOTIFY_PIECES >= VIEW_PIECES, "what a view gives is stored at once");

struct session {
	struct kernel kernel; /* the first part: what it is given leads here */
	struct fs *fs;
	struct fuse_session *fuse;
	struct ending *ending;
	struct guard *guard;
	struct fuse_notify *notify;
	struct fuse_loop *loop;
	bool mounted;
};

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
	/* The last of them counts. mount(8)'s helper for FUSE says dev and suid for root, and a device
	 * of an image is not that of this machine. */
	buf_puts(&text, ",nosuid,nodev");
	if (o->image)
		buf_puts(&text, ",ro");
	if (buf_failed(&text) || fuse_opt_add_arg(args, "imagefs") < 0 ||
	    fuse_opt_add_arg(args, "-o") < 0 || fuse_opt_add_arg(args, text.data) < 0 ||
	    (o->debug && fuse_opt_add_arg(args, "-d") < 0))
		return err_nomem(err);
	return 0;
}

static enum forgotten tell_name(const struct session *s, uint64_t parent, const char *name,
				void (*tell)(struct fuse_notify *, uint64_t, const char *))
{
	struct dir_lock lock;

	if (!dir_locks_forget(s->fs->dir_locks, &lock, parent))
		return FORGOTTEN_NOT;
	tell(s->notify, image_root_kernels(s->fs, parent), name);
	return dir_locks_forgot(s->fs->dir_locks, &lock) ? FORGOTTEN : FORGOTTEN_IN_WAY;
}

static enum forgotten fuse_session_forget_name(const struct kernel *k, uint64_t parent,
					       const char *name)
{
	return tell_name((const struct session *)k, parent, name, fuse_notify_forget_name);
}

static enum forgotten fuse_session_expire_name(const struct kernel *k, uint64_t parent,
					       const char *name)
{
	return tell_name((const struct session *)k, parent, name, fuse_notify_expire_name);
}

static void fuse_session_forget_attributes(const struct kernel *k, uint64_t ino)
{
	fuse_notify_forget_attributes(((const struct session *)k)->notify, ino);
}

static void fuse_session_forget_pages(const struct kernel *k, uint64_t ino)
{
	fuse_notify_forget_pages(((const struct session *)k)->notify, ino);
}

static void fuse_session_go_on(const struct kernel *k)
{
	fuse_loop_go_on(((const struct session *)k)->loop);
}

static int store_pages(const struct kernel *k, uint64_t ino, uint64_t offset,
		       const struct iovec *data, size_t count)
{
	const struct session *s = (const struct session *)k;
	int r = fuse_notify_store(s->notify, fuse_loop_workers(s->loop), ino, offset, data, count);

	if (r < 0)
		return r;
	stats_add(&s->fs->stats.stored, 1);
	for (size_t i = 0; i < count; i++)
		stats_add(&s->fs->stats.stored_bytes, data[i].iov_len);
	return 0;
}

/* The number that the kernel gave the connection; asks the mount for nothing. */
static void tell_guard(struct session *s, const char *mountpoint)
{
	struct statx st;

	if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0)
		guard_mounted(s->guard, st.stx_dev_minor);
}

static int start_session(const struct options *o, struct session *s, struct err *err)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r = make_args(o, &args, err);

	if (!r)
		s->fuse = fuse_session_new(&args, &fuse_ops, sizeof(fuse_ops), s->fs);
	fuse_opt_free_args(&args);
	if (r < 0)
		return r;
	if (!s->fuse)
		return err_set(err, EINVAL, "FUSE does not take these options: %s",
			       o->fuse.len ? o->fuse.data : "");
	if (fuse_session_mount(s->fuse, o->mountpoint) < 0)
		return err_set(err, EIO, "cannot mount at %s (is /dev/fuse there?)", o->mountpoint);
	s->mounted = true;
	tell_guard(s, o->mountpoint);
	return 0;
}

int session_open(const struct options *o, struct fs *fs, struct ending *ending, struct guard *guard,
		 struct session **out, struct err *err)
{
	AUTO(session_close) struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err);
	s->fs = fs;
	s->ending = ending;
	s->guard = guard;
	s->kernel = (struct kernel){
	    .forget_name = fuse_session_forget_name,
	    .expire_name = fuse_session_expire_name,
	    .forget_attributes = fuse_session_forget_attributes,
	    .go_on = fuse_session_go_on,
	    .store_pages = store_pages,
	    .forget_pages = fuse_session_forget_pages,
	};
	fs->kernel = &s->kernel;
	r = start_session(o, s, err);
	if (!r)
		r = fuse_notify_open(s->fuse, &s->notify, err);
	if (!r)
		r = fuse_loop_greet(s->fuse, err);
	if (!r)
		r = fuse_loop_start(s->fuse, ending, &s->loop, err);
	if (r < 0)
		return r;
	*out = steal(&s);
	return 0;
}

int session_wait(struct session *s, struct err *err)
{
	int r;

	ending_wait(s->ending);
	r = fuse_loop_error(s->loop);
	return r < 0 ? err_set(err, -r, "serving the mount: %s", strerror(-r)) : 0;
}

void session_quiet(struct session *s)
{
	guard_ending(s->guard);
	fuse_notify_stop(s->notify);
}

void session_close(struct session *s)
{
	if (!s)
		return;
	if (s->notify) {
		fuse_notify_stop(s->notify);
		fuse_notify_wait(s->notify);
	}
	fuse_loop_stop(s->loop);
	if (s->mounted)
		fuse_session_unmount(s->fuse);
	/* libfuse takes a connection that was aborted for an unmounted one. */
	if (s->mounted && dead_mount_at(s->fs->mountpoint))
		dead_mount_detach(s->fs->mountpoint);
	if (s->fuse)
		fuse_session_destroy(s->fuse);
	fuse_notify_close(s->notify);
	s->fs->kernel = NULL;
	free(s);
}

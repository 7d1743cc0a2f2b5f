/* SPDX-License-Identifier: MIT */
/*
 * ctl/events: read in place, so that `tail -f` follows it. It has no content of its own, and begins
 * with the oldest event that was kept when it was opened. Its mode has no write permission, but root needs none.
 */
#include "fs/ctl/vn_ctl.h"

#include "fs/core/events.h"
#include "fs/core/fs.h"
#include "fs/ctl/ctl_file.h"

#include <errno.h>

struct vn_ctl_log {
	struct ctl_file file;
	struct events_reader reader;
};

static int log_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	const struct vn_ctl_log *l = (struct vn_ctl_log *)v;

	(void)err;
	ctl_file_stat(&l->file, st);
	st->st_size = l->file.owner ? (off_t)events_size(rq->fs->events, &l->reader) : 0;
	return 0;
}

static int log_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		    struct buf *out, struct err *err)
{
	const struct vn_ctl_log *l = (struct vn_ctl_log *)v;
	int r = ctl_file_may_read(&l->file, err);

	return r ? r : events_read(rq->fs->events, &l->reader, offset, len, out, err);
}

static int log_refuse(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
		      size_t len, struct err *err)
{
	int r = ctl_file_may_write(rq, err);

	(void)offset;
	(void)data;
	(void)len;
	return r ? r
		 : err_set(err, EINVAL, "%s takes no requests", ((struct ctl_file *)v)->verb->name);
}

static const struct vnode_ops log_ops = {
    .mode = S_IFREG | 0400,
    .stat = log_stat,
    .read = log_read,
    .write = log_refuse,
    .free = ctl_file_free,
};

struct vnode *vn_ctl_log_new(struct request *rq, const struct verb *verb, const char *path)
{
	struct vn_ctl_log *l = ctl_file_new(&log_ops, sizeof(*l), rq, verb, path);

	if (!l)
		return NULL;
	events_begin(rq->fs->events, &l->reader);
	return &l->file.v;
}

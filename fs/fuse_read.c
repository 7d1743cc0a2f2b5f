/* SPDX-License-Identifier: MIT */
#include "fs/fuse_read.h"

#include "fs/ahead.h"
#include "fs/fuse_call.h"
#include "fs/inode.h"

#include <errno.h>

static int read_view(struct call *c, struct request *rq, struct view *w, uint32_t node,
		     struct err *err)
{
	struct view_data d;
	int r = view_get_data(w, node, (uint64_t)c->offset, c->size, &d, err);

	if (r < 0)
		return r;
	/* A call that was parked is run by a job's thread, which has other things to do. */
	if (!c->job)
		ahead_read(rq->fs->ahead, w, node, (uint64_t)c->offset, d.len, rq->pid, &c->ahead);
	stats_add(&rq->fs->stats.read_bytes, d.len);
	fuse_reply_iov(c->req, d.iov, (int)d.count);
	view_put_data(&d);
	return 0;
}

static int run_read(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	autobuf out = BUF_INIT;
	int r;

	if (w) {
		r = view_ready(rq, w, err);
		return r ? r : read_view(c, rq, w, node, err);
	}
	r = v && v->ops->read ? v->ops->read(rq, v, (uint64_t)c->offset, c->size, &out, err)
			      : -EISDIR;
	if (r)
		return r;
	if (buf_failed(&out))
		return err_nomem(err);
	stats_add(&rq->fs->stats.read_bytes, out.len);
	fuse_reply_buf(c->req, out.data, out.len);
	return 0;
}

void fuse_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)fi;
	stats_add(&fs->stats.requests[OP_READ], 1);
	call_run(&(struct call){
	    .req = req, .run = run_read, .ino = ino, .size = size, .offset = offset});
}

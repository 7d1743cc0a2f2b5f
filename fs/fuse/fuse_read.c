/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_read.h"

#include "fs/fuse/ahead.h"
#include "fs/fuse/around.h"
#include "fs/fuse/fuse_call.h"
#include "fs/core/inode.h"

#include <errno.h>
#include <fcntl.h>

/* Not for who reads past the kernel's cache. A call that was parked is run by a job's thread, which
 * has other things to do. */
static bool may_store(const struct call *c)
{
	return !c->job && !c->direct;
}

static void fuse_read_follow(struct call *c, struct request *rq, struct view *w, uint32_t node,
			     size_t len)
{
	if (may_store(c))
		ahead_read(rq->fs->ahead, w, node, (uint64_t)c->offset, len, rq->pid, &c->ahead);
}

static int read_view(struct call *c, struct request *rq, struct view *w, uint32_t node,
		     struct err *err)
{
	struct view_data d;
	int r = view_get_data(w, node, (uint64_t)c->offset, c->size, &d, err);

	if (r == -ENODATA)
		return view_fetch(rq, w, node, (uint64_t)c->offset, c->size, err);
	if (r < 0) {
		/* What is derived from it is made again, or the blob has been: then it can be read now. */
		int again = view_check(rq, w, err);

		return again ? again : r;
	}
	fuse_read_follow(c, rq, w, node, d.len);
	stats_add(&rq->fs->stats.read_bytes, d.len);
	fuse_reply_iov(c->req, d.iov, (int)d.count);
	if (c->ahead.jumped && !c->ahead.view)
		around_store(rq->fs, w, node, (uint64_t)c->offset, &d);
	view_put_data(&d);
	return 0;
}

static int read_vnode(struct call *c, struct request *rq, struct vnode *v, struct err *err)
{
	autobuf out = BUF_INIT;
	int r = v->ops->read(rq, v, (uint64_t)c->offset, c->size, &out, err);
	if (r)
		return r;
	if (buf_failed(&out))
		return err_nomem(err);
	stats_add(&rq->fs->stats.read_bytes, out.len);
	fuse_reply_buf(c->req, out.data, out.len);
	return 0;
}

static int run_read(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	int r;

	if (!w)
		return v && v->ops->read ? read_vnode(c, rq, v, err) : -EISDIR;
	r = view_ready(rq, w, err);
	return r ? r : read_view(c, rq, w, node, err);
}

void fuse_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	stats_add(&fs->stats.requests[OP_READ], 1);
	call_run(&(struct call){.req = req,
				.run = run_read,
				.ino = ino,
				.size = size,
				.offset = offset,
				.direct = (fi->flags & O_DIRECT) != 0});
}

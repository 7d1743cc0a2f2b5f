/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_edit.h"

#include "fs/fuse/fuse_call.h"
#include "fs/fuse/fuse_dir.h"
#include "fs/core/inode.h"
#include "fs/core/stats.h"

#include <errno.h>
#include <stdio.h> /* RENAME_NOREPLACE */

static struct vnode *directory(struct request *rq, fuse_ino_t ino)
{
	return vnode_get(rq->fs->inodes, ino);
}

static int remove_name(struct call *c, struct request *rq, bool is_directory, struct err *err)
{
	struct vnode *dir = directory(rq, c->ino);
	int r = dir && dir->ops->remove ? dir->ops->remove(rq, dir, c->name, is_directory, err)
					: -EROFS;

	if (!r)
		fuse_reply_err(c->req, 0);
	return r;
}

static int run_unlink(struct call *c, struct request *rq, struct err *err)
{
	return remove_name(c, rq, false, err);
}

static int run_rmdir(struct call *c, struct request *rq, struct err *err)
{
	return remove_name(c, rq, true, err);
}

/* The reply is that of a lookup of what is there now. It asks no registry: behind a wait the change
 * would be made once more. */
static int run_symlink(struct call *c, struct request *rq, struct err *err)
{
	struct vnode *dir = directory(rq, c->ino);
	int r =
	    dir && dir->ops->symlink ? dir->ops->symlink(rq, dir, c->name, c->text, err) : -EROFS;

	if (r)
		return r;
	rq->may_fetch = false;
	return fuse_dir_lookup(c, rq, err);
}

static int fuse_edit_run_rename(struct call *c, struct request *rq, struct err *err)
{
	struct vnode *dir = directory(rq, c->ino), *to = directory(rq, c->to);
	int r = dir && to && dir->ops == to->ops && dir->ops->rename
		    ? dir->ops->rename(rq, dir, c->name, to, c->text, err)
		    : -EROFS;

	if (!r)
		fuse_reply_err(c->req, 0);
	return r;
}

static void fuse_edit_count(fuse_req_t req)
{
	struct fs *fs = fuse_req_userdata(req);

	stats_add(&fs->stats.requests[OP_CHANGE], 1);
}

void fuse_edit_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_edit_count(req);
	call_run(&(struct call){.req = req, .run = run_unlink, .ino = parent, .name = name});
}

void fuse_edit_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_edit_count(req);
	call_run(&(struct call){.req = req, .run = run_rmdir, .ino = parent, .name = name});
}

void fuse_edit_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	fuse_edit_count(req);
	call_run(&(struct call){
	    .req = req, .run = run_symlink, .ino = parent, .name = name, .text = target});
}

/* The kernel has seen to RENAME_NOREPLACE. */
void fuse_edit_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		      const char *new_name, unsigned flags)
{
	fuse_edit_count(req);
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		fuse_reply_err(req, EINVAL);
	else
		call_run(&(struct call){.req = req,
					.run = fuse_edit_run_rename,
					.ino = parent,
					.to = to,
					.name = name,
					.text = new_name});
}

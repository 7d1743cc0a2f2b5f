/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side: how it is kept from sending messages.
 *
 *  - open and opendir answer ENOSYS, which with NO_OPEN_SUPPORT and NO_OPENDIR_SUPPORT means
 *    "never ask again": no OPEN, no RELEASE, and file pages and listings stay cached.
 *    flush is not implemented, for the same end.
 *  - fsync answers ENOSYS: fsync(2) gives 0 from then on, of directories too, and asks no more. So
 *    it is with lseek, poll and statx, which are not implemented. There is no such answer to ioctl, to
 *    listxattr where some images have attributes, or to statfs: each is asked again. So is access,
 *    as its answer is of use (fuse_write.c).
 *  - What is reached by digest has infinite timeouts. Names that index.json brings have a tenth of
 *    a second (fs/tree/fresh.h).
 *  - An extended attribute that no image has is EOPNOTSUPP: `ls -l` then asks no more.
 *  - Without xattrs (xattr=off) getxattr answers ENOSYS once, and `ls -l` asks no more.
 */
#include "fs/fuse/fuse_ops.h"

#include "fs/fuse/fuse_call.h"
#include "fs/fuse/fuse_dir.h"
#include "fs/fuse/fuse_edit.h"
#include "fs/fuse/fuse_entry.h"
#include "fs/fuse/fuse_read.h"
#include "fs/fuse/fuse_write.h"
#include "fs/fuse/fuse_xattr.h"
#include "fs/core/inode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void fuse_ops_count(fuse_req_t req, enum stats_op op)
{
	stats_add(&fs_of(req)->stats.requests[op], 1);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	unsigned want = FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
			FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
			FUSE_CAP_ASYNC_READ | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_WRITE;

	(void)userdata;
	conn->want |= conn->capable & want;
	conn->want &=
	    ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_POSIX_ACL |
			FUSE_CAP_SPLICE_READ | FUSE_CAP_ATOMIC_O_TRUNC); /* fuse_write.c */
	conn->max_write = 1u << 20;
	/* Some kernels send read-ahead as background requests: parked reads must not use up their
	 * number. */
	conn->max_background = 4096;
	conn->congestion_threshold = 3072;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ops_count(req, OP_LOOKUP);
	call_run(&(struct call){
	    .req = req, .run = fuse_dir_lookup, .ino = parent, .name = name, .gives_way = true});
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	fuse_ops_count(req, OP_FORGET);
	inodes_forget(fs_of(req)->inodes, ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	fuse_ops_count(req, OP_FORGET);
	for (size_t i = 0; i < n; i++)
		inodes_forget(fs_of(req)->inodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static int run_getattr(struct call *c, struct request *rq, struct err *err)
{
	struct stat st;
	double timeout;
	int r = fuse_dir_stat(rq, c->ino, &st, &timeout, err);

	if (!r)
		fuse_entry_reply_attr(c->req, &st, timeout);
	return r;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_ops_count(req, OP_GETATTR);
	/* Only read(2) and its like ask with a file handle. */
	call_run(&(struct call){.req = req, .run = run_getattr, .ino = ino, .reads = fi != NULL});
}

static int read_link_in_view(struct request *rq, struct view *w, uint32_t node, struct buf *out,
			     struct err *err)
{
	int r = view_ready(rq, w, err), check;
	const char *text;
	size_t len;

	if (r)
		return r;
	text = tree_symlink(view_tree(w), node, &len);
	if (text)
		buf_append(out, text, len);
	check = view_check(rq, w, err);
	return check ? check : text ? 0 : -EINVAL;
}

static int run_readlink(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	autobuf target = BUF_INIT;
	int r;

	if (w)
		r = read_link_in_view(rq, w, node, &target, err);
	else
		r = v && v->ops->readlink ? v->ops->readlink(rq, v, &target, err) : -EINVAL;
	if (r)
		return r;
	if (buf_failed(&target) || !target.data)
		return err_nomem(err);
	fuse_reply_readlink(c->req, target.data);
	return 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	fuse_ops_count(req, OP_READLINK);
	call_run(&(struct call){.req = req, .run = run_readlink, .ino = ino});
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_ops_count(req, OP_OPEN);
	fuse_reply_err(req, ENOSYS);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_ops_count(req, OP_OPENDIR);
	fuse_reply_err(req, ENOSYS);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)fi;
	fuse_ops_count(req, OP_READDIR);
	call_run(&(struct call){
	    .req = req, .run = fuse_dir_read, .ino = ino, .size = size, .offset = offset});
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	(void)fi;
	fuse_ops_count(req, OP_READDIRPLUS);
	call_run(&(struct call){.req = req,
				.run = fuse_dir_read,
				.ino = ino,
				.size = size,
				.offset = offset,
				.plus = true});
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	fuse_ops_count(req, OP_GETXATTR);
	if (!fs_of(req)->xattr)
		fuse_reply_err(req, ENOSYS);
	else
		call_run(&(struct call){
		    .req = req, .run = fuse_xattr_get, .ino = ino, .name = name, .size = size});
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	fuse_ops_count(req, OP_LISTXATTR);
	if (!fs_of(req)->xattr)
		fuse_reply_err(req, ENOSYS);
	else
		call_run(
		    &(struct call){.req = req, .run = fuse_xattr_list, .ino = ino, .size = size});
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	fuse_ops_count(req, OP_STATFS);
	if (fstatvfs(store_dirfd(fs_of(req)->store), &st) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}

/* Of directories, too. Nothing here is ever dirty, control files neither. */
static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	fuse_ops_count(req, OP_FSYNC);
	fuse_reply_err(req, ENOSYS);
}

/* The tree is read-only; in ctl/ there is no such verb. */
static void fuse_ops_refuse(fuse_req_t req, fuse_ino_t parent)
{
	struct vnode *v = vnode_get(fs_of(req)->inodes, parent);

	fuse_ops_count(req, OP_CHANGE);
	fuse_reply_err(req, v && v->inode.path && !strcmp(v->inode.path, "ctl") ? ENOENT : EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)name;
	(void)mode;
	(void)fi;
	fuse_ops_refuse(req, parent);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)name;
	(void)mode;
	(void)dev;
	fuse_ops_refuse(req, parent);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)name;
	(void)mode;
	fuse_ops_refuse(req, parent);
}

static void op_readonly(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_ops_count(req, OP_CHANGE);
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	op_readonly(req, parent, name);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	(void)value;
	(void)size;
	(void)flags;
	op_readonly(req, ino, name);
}

const struct fuse_lowlevel_ops fuse_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = fuse_write_setattr,
    .readlink = op_readlink,
    .open = op_open,
    .opendir = op_opendir,
    .read = fuse_read,
    .write = fuse_write,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .setxattr = op_setxattr,
    .removexattr = op_readonly,
    .access = fuse_write_access,
    .statfs = op_statfs,
    .fsync = op_fsync,
    .fsyncdir = op_fsync,
    .create = op_create,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = fuse_edit_unlink,
    .rmdir = fuse_edit_rmdir,
    .symlink = fuse_edit_symlink,
    .rename = fuse_edit_rename,
    .link = op_link,
};

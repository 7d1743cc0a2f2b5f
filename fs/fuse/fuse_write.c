/* SPDX-License-Identifier: MIT */
/*
 * What keeps a file of an image as it is. Once OPEN has been answered with ENOSYS, the kernel asks
 * nothing when a file is opened for writing. So a write is refused where it comes to us:
 *
 *  - O_TRUNC: we do not ask for FUSE_CAP_ATOMIC_O_TRUNC. So the kernel sends a SETATTR, and open(2)
 *    fails with the EROFS of that.
 *  - access(2) is answered, as many programs ask first whether they may write. (Where the kernel
 *    checks permissions itself, with allow_other, it does not ask us.)
 *  - write(2): the kernel drops the page again where WRITE fails.
 *  - A store into a shared mapping is in the kernel's cache before we hear of it: the WRITE comes
 *    when the mapping ends, or half a minute later. The kernel keeps the page although that WRITE
 *    fails. So we make it forget the pages of the file.
 *
 * Only a mount that is read-only as a whole leaves no such time: there the kernel refuses the open.
 */
#include "fs/fuse/fuse_write.h"

#include "fs/fuse/fuse_call.h"
#include "fs/fuse/fuse_dir.h"
#include "fs/fuse/fuse_entry.h"
#include "fs/core/inode.h"
#include "fs/tree/view.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool takes_writes(struct request *rq, fuse_ino_t ino)
{
	const struct vnode *v = vnode_get(rq->fs->inodes, ino);

	return v && v->ops->write;
}

/* ---- pages that a mapping has spoilt ---- */

struct spoilt {
	struct fs *fs;
	fuse_ino_t ino;
	struct inode *held; /* a hold */
};

static void spoilt_free(void *arg)
{
	struct spoilt *s = arg;

	inodes_let_go(s->fs->inodes, s->held);
	free(s);
}

static int run_spoilt(struct job *j, void *arg, struct err *err)
{
	const struct spoilt *s = arg;
	const struct kernel *k = s->fs->kernel;

	(void)j;
	(void)err;
	if (k)
		k->forget_pages(k, s->ino);
	return 0;
}

/* By a job: the kernel waits for the answer to the WRITE, and for READs of the file. */
static void forget_spoilt(struct fs *fs, fuse_ino_t ino)
{
	struct spoilt *s = calloc(1, sizeof(*s));
	const struct job_spec spec = {.title = "forget what was written to a file of an image",
				      .class = "spoilt pages",
				      .run = run_spoilt,
				      .arg = s,
				      .free_arg = spoilt_free};

	if (!s)
		return;
	*s = (struct spoilt){fs, ino, inodes_hold(fs->inodes, ino)};
	job_start(fs->jobs, &spec, NULL, NULL);
}

static int run_write(struct call *c, struct request *rq, struct err *err)
{
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	int r;

	if (!takes_writes(rq, c->ino)) {
		fuse_reply_err(c->req, EROFS);
		forget_spoilt(rq->fs, c->ino);
		return 0;
	}
	r = v->ops->write(rq, v, (uint64_t)c->offset, c->data, c->size, err);
	if (!r)
		fuse_reply_write(c->req, c->size);
	return r;
}

void fuse_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)fi;
	stats_add(&fs->stats.requests[OP_WRITE], 1);
	call_run(&(struct call){.req = req,
				.run = run_write,
				.ino = ino,
				.data = data,
				.size = size,
				.offset = offset});
}

/* ---- attributes ---- */

#define OF_TRUNCATION                                                                              \
	(FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME |                          \
	 FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)

/* Only the truncation of a file that takes requests means nothing and is let through. */
static int run_setattr(struct call *c, struct request *rq, struct err *err)
{
	struct stat st;
	double timeout;
	int r;

	if (!takes_writes(rq, c->ino) || c->mask & ~OF_TRUNCATION)
		return -EROFS;
	r = fuse_dir_stat(rq, c->ino, &st, &timeout, err);
	if (!r)
		fuse_entry_reply_attr(c->req, &st, timeout);
	return r;
}

void fuse_write_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	(void)attr;
	(void)fi;
	stats_add(&fs->stats.requests[OP_SETATTR], 1);
	call_run(&(struct call){.req = req, .run = run_setattr, .ino = ino, .mask = to_set});
}

/* ---- access(2) ---- */

/* True where something of it can be changed: requests written, names set and removed. */
static bool is_writable(struct request *rq, fuse_ino_t ino)
{
	const struct vnode *v = vnode_get(rq->fs->inodes, ino);

	return v && (v->ops->write || v->ops->symlink);
}

/* Who has the mount to himself may read all of it, whatever the modes are (the kernel looks at them
 * for others, and then it does not ask). Yet what nobody can execute is no program. */
static int run_access(struct call *c, struct request *rq, struct err *err)
{
	struct stat st;
	double timeout;
	int r;

	if (c->mask & W_OK && !is_writable(rq, c->ino))
		return -EROFS;
	r = c->mask & X_OK ? fuse_dir_stat(rq, c->ino, &st, &timeout, err) : 0;
	if (r)
		return r;
	if (c->mask & X_OK && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		return -EACCES;
	fuse_reply_err(c->req, 0);
	return 0;
}

void fuse_write_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct fs *fs = fuse_req_userdata(req);

	stats_add(&fs->stats.requests[OP_ACCESS], 1);
	call_run(&(struct call){.req = req, .run = run_access, .ino = ino, .mask = mask});
}

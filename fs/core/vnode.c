/* SPDX-License-Identifier: MIT */
#include "fs/core/vnode.h"

#include "fs/core/fs.h"
#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool request_done(const struct request *rq, const struct job_key *key, int *r, struct err *err)
{
	if (!rq->ended || !job_has_key(rq->ended, key))
		return false;
	*r = job_outcome(rq->ended, err);
	return true;
}

int request_wait(struct request *rq, const struct job_spec *spec, struct err *err)
{
	int r = job_start(rq->fs->jobs, spec, &rq->wait, err);

	return r < 0 ? r : FS_WAIT;
}

int request_await(struct request *rq, const struct job_spec *spec, struct err *err)
{
	int r;

	if (!request_done(rq, &spec->key, &r, err))
		return request_wait(rq, spec, err);
	if (spec->arg && spec->free_arg)
		spec->free_arg(spec->arg);
	return r;
}

static int run_nothing(struct job *j, void *arg, struct err *err)
{
	(void)j;
	(void)arg;
	(void)err;
	return 0;
}

int request_again(struct request *rq, struct err *err)
{
	const struct job_spec spec = {.title = "again", .class = "again", .run = run_nothing};

	return request_wait(rq, &spec, err);
}

void listing_add(struct listing *l, const char *name, unsigned char type)
{
	assert(*name && type <= INT8_MAX);
	buf_putc(&l->names, (char)type);
	buf_append(&l->names, name, strlen(name) + 1);
	l->count++;
}

static void vnode_free_inode(struct inode *i)
{
	struct vnode *v = (struct vnode *)i;

	if (v->ops->free)
		v->ops->free(v);
	free(i->path);
	free(v);
}

/* Apart from the numbers of trees, which begin with the number of a slot. */
static uint64_t path_ino(const char *path)
{
	return XXH3_64bits(path, strlen(path)) >> 2 | UINT64_C(1) << 62;
}

void *vnode_new(const struct vnode_ops *ops, size_t size, const char *path)
{
	struct vnode *v = calloc(1, size);

	assert(ops && path && size >= sizeof(*v));
	if (!v)
		return NULL;
	v->ops = ops;
	v->inode.free = vnode_free_inode;
	v->st_ino = path_ino(path);
	v->inode.path = strdup(path);
	if (!v->inode.path) {
		free(v);
		return NULL;
	}
	return v;
}

void *vnode_new_own(const struct vnode_ops *ops, size_t size, const char *path)
{
	struct vnode *v = vnode_new(ops, size, path);

	if (v)
		v->inode.own = true;
	return v;
}

void vnode_free(struct vnode *v)
{
	if (v)
		vnode_free_inode(&v->inode);
}

bool vnode_find(struct request *rq, const char *path, struct found *out)
{
	out->vnode = (struct vnode *)inodes_find(rq->fs->inodes, INODE_VNODE, path);
	return out->vnode != NULL;
}

int vnode_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	*st = (struct stat){
	    .st_ino = v->st_ino,
	    .st_mode = v->ops->mode,
	    .st_nlink = 1, /* nothing is said of subdirectories */
	    .st_uid = rq->fs->owner,
	    .st_gid = rq->fs->group,
	    .st_mtim = rq->fs->started,
	    .st_blksize = 4096,
	};
	if (v->ops->stat) {
		int r = v->ops->stat(rq, v, st, err);

		if (r)
			return r;
	}
	st->st_ctim = st->st_atim = st->st_mtim;
	st->st_blocks = (st->st_size + 511) / 512;
	return 0;
}

int vnode_found(struct request *rq, struct vnode *v, struct found *out, struct err *err)
{
	if (!v)
		return err_nomem(err);
	out->vnode = (struct vnode *)inodes_add(rq->fs->inodes, INODE_VNODE, &v->inode);
	return out->vnode ? 0 : err_nomem(err);
}

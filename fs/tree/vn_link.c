/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vn_link {
	struct vnode v;
	char *target;
	struct timespec mtime;
};

static int link_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	const struct vn_link *l = (const struct vn_link *)v;

	(void)rq;
	(void)err;
	st->st_size = (off_t)strlen(l->target);
	st->st_mtim = l->mtime;
	return 0;
}

static int link_readlink(struct request *rq, struct vnode *v, struct buf *out, struct err *err)
{
	(void)rq;
	(void)err;
	buf_puts(out, ((struct vn_link *)v)->target);
	return 0;
}

static void link_free(struct vnode *v)
{
	free(((struct vn_link *)v)->target);
}

static const struct vnode_ops link_ops = {
    .mode = S_IFLNK | 0777,
    .stat = link_stat,
    .readlink = link_readlink,
    .free = link_free,
};

struct vnode *vn_link_new(const char *path, const char *target, struct timespec mtime)
{
	struct vn_link *l;
	char key[VN_PATH_MAX + VN_PATH_MAX + 64];

	/* A tag that is set once more is another link, as with ln(1): the kernel may still have the
	 * inode of the one before, with its time. */
	snprintf(key, sizeof(key), "%s -> %s %lld.%09ld", path, target, (long long)mtime.tv_sec,
		 mtime.tv_nsec);
	l = vnode_new(&link_ops, sizeof(*l), key);
	if (!l)
		return NULL;
	l->v.lasting = LASTS;
	l->mtime = mtime;
	l->target = strdup(target);
	if (!l->target) {
		vnode_free(&l->v);
		return NULL;
	}
	return &l->v;
}

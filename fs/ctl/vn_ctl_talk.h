/* SPDX-License-Identifier: MIT */
/* A file that takes requests by line (vn_ctl_talk.c), for a kind that begins in another way. */
#ifndef FS_VN_CTL_TALK_H
#define FS_VN_CTL_TALK_H

#include "fs/ctl/ctl_again.h"
#include "fs/ctl/ctl_cut.h"
#include "fs/ctl/ctl_file.h"

struct vn_ctl_talk {
	struct ctl_file file;
	struct ctl_cut cut;	/* under file.lock */
	struct ctl_again again; /* under file.lock: the last WRITE */
};

/* The attributes, with the size as it is. */
void vn_ctl_talk_stat(struct vn_ctl_talk *t, struct stat *st);

/* To be called before a READ: runs what was kept of a WRITE, as its answer is wanted. 0, FS_WAIT or
 * -errno. */
int vn_ctl_talk_ask(struct request *rq, struct vn_ctl_talk *t, struct err *err);

int vn_ctl_talk_write(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
		      size_t len, struct err *err);
void vn_ctl_talk_free(struct vnode *v);

#endif

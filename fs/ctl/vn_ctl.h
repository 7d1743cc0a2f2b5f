/* SPDX-License-Identifier: MIT */
/*
 * ctl/, and the kinds of files in it, a file each (vn_ctl_*.c). A constructor gives a vnode that is
 * not yet in the inode table, or NULL when memory is out.
 */
#ifndef FS_VN_CTL_H
#define FS_VN_CTL_H

#include "fs/core/vnode.h"
#include "fs/ctl/verb.h"

/* The directory. */
struct vnode *vn_ctl_new(void);

/* Requests by line, each with its answer behind it. */
struct vnode *vn_ctl_talk_new(struct request *rq, const struct verb *verb, const char *path);

/* What a verb answers to a line ("": no arguments), which is copied. Takes requests, too. Where the
 * answer is made at once, its error is returned. */
int vn_ctl_answer_new(struct request *rq, const struct verb *verb, const char *path,
		      const char *line, struct vnode **out, struct err *err);

/* A request in pieces: a line, and bytes behind it. */
struct vnode *vn_ctl_stream_new(struct request *rq, const struct verb *verb, const char *path);

/* An archive of the images that the line names. */
int vn_ctl_save_new(struct request *rq, const char *path, const char *line, struct vnode **out,
		    struct err *err);

/* Events, which only grow. */
struct vnode *vn_ctl_log_new(struct request *rq, const struct verb *verb, const char *path);

#endif

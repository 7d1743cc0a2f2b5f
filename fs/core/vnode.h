/* SPDX-License-Identifier: MIT */
/*
 * A vnode: a file or directory of the tree outside merged root filesystems. Its kind
 * is a vtable; a kind's struct begins with a struct vnode. Vnodes are made by
 * lookups, owned by the inode table (fs/core/inode.h), and freed when the kernel forgets
 * them. FUSE workers call the operations, several at a time. An operation never waits: where
 * something is missing, it starts or joins a job, puts it into rq->wait and returns FS_WAIT. When
 * the job has ended, well or badly, the operation is called again, with the job in rq->ended.
 *
 * So an operation is run again from its top until it needs nothing. It keeps nothing from run to
 * run: each run looks in the same places, finds there what earlier jobs have brought, and comes to
 * what the next job has to bring. rq->ended is only the last job. It may belong to another step, or
 * to another vnode that the call has come by (a LOOKUP and its attributes are one call): its key says
 * whose it is (request_done). An operation that must not be done twice, as a change, asks
 * request_done before anything else, and needs no job after its own.
 */
#ifndef FS_VNODE_H
#define FS_VNODE_H

#include "fs/core/inode.h"
#include "fs/core/job.h"
#include "store/base/buf.h"
#include "store/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define FS_WAIT 1 /* beside 0 and -errno: parked on rq->wait */

struct fs;
struct view;
struct view_content;
struct vnode;

/* One request of the kernel, as far as a vnode needs to know it. */
struct request {
	struct fs *fs;
	pid_t pid;	  /* of the process that asks; 0: not known */
	bool owner;	  /* the user who mounted asks, or root */
	bool may_fetch;	  /* names that the store does not know reach a registry: the user who
			   * mounted asks, and lookup=local is not set */
	bool lookup;	  /* a LOOKUP: attributes are not what was asked for */
	bool reads;	  /* a GETATTR before a read: the size has to be right */
	struct job *wait; /* out, with FS_WAIT: a reference */
	struct job
	    *ended;	/* in: the job that this request has waited for last, or NULL; borrowed */
	unsigned rooms; /* in and out: how often it has waited for room (room_make) */
	unsigned gaps;	/* in and out: how often it missed bytes that had come (view_fetch) */
	bool joined;	/* in and out: another request has started the job that it waits for */
	const struct view_content
	    *content; /* view.c's: what view_ready or view_settle found open */
};

/* True where the request has last waited for the job of that key; *r is what the job came to, 0 or
 * -errno. */
bool request_done(const struct request *rq, const struct job_key *key, int *r, struct err *err);

/* Starts or joins a job (job_start) and leaves it in rq->wait, whatever the request has waited for
 * before: FS_WAIT, or -errno. */
int request_wait(struct request *rq, const struct job_spec *spec, struct err *err);

/* What the job of spec->key came to, where the request has waited for it; else request_wait. Takes
 * spec->arg in either case. */
int request_await(struct request *rq, const struct job_spec *spec, struct err *err);

/* Makes the call run again, as the end of a job does: FS_WAIT, or -errno. */
int request_again(struct request *rq, struct err *err);

/* How long the kernel may keep what it was told. */
enum lasting {
	LASTS_NOT,
	LASTS_SECOND,
	LASTS_WITH_NAMES, /* what index.json brings: fs/tree/fresh.h takes it back */
	LASTS,		  /* FS_FOREVER */
};

/* What a name leads to: a vnode, or a node of a view; one lookup of it is counted. */
struct found {
	struct vnode *vnode;
	struct view *view;
	uint32_t node;
	enum lasting lasting; /* of the name, also where there is none (-ENOENT) */
};

/* The names of a directory in the making. */
struct listing {
	struct buf names; /* one type byte (DT_…) and a NUL-terminated name after the other */
	size_t count;
};
void listing_add(struct listing *l, const char *name, unsigned char type);

struct vnode_ops {
	mode_t mode; /* type and permissions; st_mode unless stat changes it */
	/* Fills in what differs from the defaults (the mount's owner, nlink 1, times of the mount).
	 * May be NULL. */
	int (*stat)(struct request *rq, struct vnode *v, struct stat *st, struct err *err);
	int (*lookup)(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		      struct err *err); /* -ENOENT where there is none */
	int (*list)(struct request *rq, struct vnode *dir, struct listing *out, struct err *err);
	int (*readlink)(struct request *rq, struct vnode *v, struct buf *out, struct err *err);
	/* Appends up to len bytes from offset; none at the end. */
	int (*read)(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		    struct buf *out, struct err *err);
	/* Takes all len bytes, or fails. */
	int (*write)(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
		     size_t len, struct err *err);
	/* For a directory whose names can be changed; else NULL. After symlink a lookup finds the
	 * name, whatever kind of file it is. In rename, `to` is a directory of the same kind. */
	int (*remove)(struct request *rq, struct vnode *dir, const char *name, bool directory,
		      struct err *err);
	int (*symlink)(struct request *rq, struct vnode *dir, const char *name, const char *target,
		       struct err *err);
	int (*rename)(struct request *rq, struct vnode *dir, const char *name, struct vnode *to,
		      const char *new_name, struct err *err);
	void (*free)(struct vnode *v);
};

struct vnode {
	struct inode inode;
	const struct vnode_ops *ops;
	uint64_t st_ino;
	enum lasting lasting; /* of its attributes and its content */
};

/* The vnode of an inode number, or NULL. */
static inline struct vnode *vnode_get(struct inodes *t, uint64_t ino)
{
	return (struct vnode *)inodes_get(t, INODE_VNODE, ino);
}

static inline uint64_t vnode_ino(const struct vnode *v)
{
	return v->inode.number;
}

/*
 * A new vnode of `size` bytes (zeroed behind the struct vnode), not yet in the table. path is
 * copied. NULL: out of memory. st_ino comes from the path: the inode of a file may be forgotten and
 * made anew at any time, and a program that compares (cp, find, tail -F) shall see the same file.
 */
void *vnode_new(const struct vnode_ops *ops, size_t size, const char *path);
/* The same for a file of which each lookup makes a vnode of its own. */
void *vnode_new_own(const struct vnode_ops *ops, size_t size, const char *path);
void vnode_free(struct vnode *v); /* one that is not in the table; NULL is allowed */

/* All attributes, st_ino included: the defaults, and what ops->stat says. 0, FS_WAIT or -errno. */
int vnode_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err);

/* Gives the shared vnode of a path as what was found, and counts a lookup; false: there is none. */
bool vnode_find(struct request *rq, const char *path, struct found *out);

/* Gives a vnode of the table as what was found, and counts a lookup: the shared one of the path of
 * `v`, or else `v`. `v` is taken; NULL is -ENOMEM. */
int vnode_found(struct request *rq, struct vnode *v, struct found *out, struct err *err);

#endif

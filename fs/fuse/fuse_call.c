/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_call.h"

#include "fs/core/room.h"
#include "fs/tree/image_root.h"
#include "store/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int run_once(struct call *c, struct job **wait)
{
	struct fs *fs = c->fs;
	uid_t uid = fuse_req_ctx(c->req)->uid;
	struct request rq = {.fs = fs,
			     .pid = fuse_req_ctx(c->req)->pid,
			     .reads = c->reads,
			     .ended = c->job,
			     .rooms = c->rooms,
			     .gaps = c->gaps,
			     .joined = c->joined};
	struct err err = {0};
	int r;

	rq.owner = uid == fs->owner || uid == 0;
	rq.may_fetch = fs->lookup_remote && uid == fs->owner;
	r = c->run(c, &rq, &err);
	if (r == -EMFILE)
		r = room_make(&rq, &err);
	assert((r == FS_WAIT) == (rq.wait != NULL));
	*wait = rq.wait;
	c->rooms = rq.rooms;
	c->gaps = rq.gaps;
	c->joined = rq.joined;
	if (r == -EIO || r == -EBADMSG || r == -ENOMEM)
		log_write(LOG_ERR, "%s%s%s", c->name ? c->name : "", c->name ? ": " : "",
			  err.text[0] ? err.text : strerror(-r));
	return r;
}

static void fuse_call_let_go(struct call *c)
{
	inodes_let_go(c->fs->inodes, c->held);
	inodes_let_go(c->fs->inodes, c->held_to);
}

/* Of a parked call. */
static void call_free(struct call *c)
{
	fuse_call_let_go(c);
	job_put(c->job);
	dir_locks_unpark(c->fs->dir_locks, &c->lock);
	dir_locks_unpark(c->fs->dir_locks, &c->lock_to);
	free((void *)c->name);
	free((void *)c->text);
	free((void *)c->data);
	free(c);
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct call *c = arg;

	if (!job_leave(c->job, &c->waiter))
		return; /* its end has it, or park sees that it left */
	stats_add(&c->fs->stats.interrupted, 1);
	fuse_reply_err(req, EINTR);
	call_free(c);
}

static void on_done(struct job_waiter *w);

/* Parks a call of the heap on a job, whose reference it takes. The call may be gone when this
 * returns. */
static void park(struct call *c, struct job *job)
{
	struct fs *fs = c->fs;

	assert(job != c->job);
	stats_add(&fs->stats.parked, 1);
	job_put(c->job);
	c->job = job;
	c->waiter = (struct job_waiter){.done = on_done};
	fuse_req_interrupt_func(c->req, on_interrupt, c);
	if (job_wait(job, &c->waiter))
		return;
	fuse_req_interrupt_func(c->req, NULL, NULL);
	stats_add(&fs->stats.interrupted, 1);
	fuse_reply_err(c->req, EINTR);
	call_free(c);
}

static void on_done(struct job_waiter *w)
{
	struct call *c = (struct call *)((char *)w - offsetof(struct call, waiter));
	struct job *wait;
	int r;

	fuse_req_interrupt_func(c->req, NULL, NULL);
	r = run_once(c, &wait);
	if (r == FS_WAIT) {
		park(c, wait);
		return;
	}
	if (r < 0)
		fuse_reply_err(c->req, -r);
	call_free(c);
}

static void *copy_bytes(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	return copy ? memcpy(copy, data, size) : NULL;
}

/* A copy of a call that owns what it points to, and has its holds. NULL: out of memory. */
static struct call *call_keep(const struct call *c)
{
	struct call *kept = malloc(sizeof(*kept));
	bool failed;

	if (!kept)
		return NULL;
	*kept = *c;
	kept->name = c->name ? strdup(c->name) : NULL;
	kept->text = c->text ? strdup(c->text) : NULL;
	kept->data = c->data ? copy_bytes(c->data, c->size) : NULL;
	failed = (c->name && !kept->name) || (c->text && !kept->text) || (c->data && !kept->data);
	if (failed) {
		kept->held = kept->held_to = NULL;
		call_free(kept);
		kept = NULL;
	}
	return kept;
}

/* From here on no name is forgotten in the call's directories. False: it must not be parked. */
static bool enter(struct call *c)
{
	struct dir_locks *locks = c->fs->dir_locks;

	dir_locks_park(locks, &c->lock, c->name ? c->ino : 0);
	dir_locks_park(locks, &c->lock_to, c->to);
	return !c->gives_way || dir_locks_await(locks, &c->lock);
}

static void park_copy(struct call *c, struct job *wait)
{
	struct call *kept = call_keep(c);

	if (kept && enter(kept)) {
		park(kept, wait);
		return;
	}
	job_decline(wait);
	fuse_reply_err(c->req, kept ? ESTALE : ENOMEM);
	if (kept)
		call_free(kept);
	else
		fuse_call_let_go(c);
}

void call_run(struct call *c)
{
	struct job *wait;
	int r;

	c->fs = fuse_req_userdata(c->req);
	c->ino = image_root_ours(c->fs, c->ino);
	c->held = inodes_hold(c->fs->inodes, c->ino);
	c->held_to = c->to ? inodes_hold(c->fs->inodes, c->to) : NULL;
	if (c->gives_way)
		dir_locks_pass(c->fs->dir_locks, c->ino);
	r = run_once(c, &wait);
	if (r == FS_WAIT) {
		park_copy(c, wait);
		return;
	}
	if (r < 0)
		fuse_reply_err(c->req, -r);
	ahead_store(c->fs->ahead, &c->ahead);
	fuse_call_let_go(c);
}

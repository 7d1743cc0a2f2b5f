/* SPDX-License-Identifier: MIT */
/*
 * The kernel reads ahead within a file. That is no help for a program that reads a whole tree of small
 * files: each costs a READ, and a GETATTR too, since a READ makes the kernel doubt the time of access.
 * Pages that are stored into its cache before they are asked for cost neither.
 *
 * Nodes ascend in the order of a layer's archive, which is the order in which directories list
 * them. A READ that begins where the last one of the same process in the same layer ended is a sign
 * of a reader that reads everything. So what follows is stored, as far as a window goes. readers.c
 * decides how wide the window is, and which reader has none.
 *
 * The kernel takes pages of inodes that it knows, and it knows what was listed. So storing ends
 * where the next directory begins. When the reader has listed that, its files follow; the first of
 * them are stored before the listing's end is told. After a window's worth of bytes without a READ,
 * listings store no more: only a READ shows that files are still wanted.
 *
 * A reader that comes upon what is not stored yet sends a READ, which is answered like any other,
 * by another worker; storing goes on behind it. Storing waits for pages that a READ in flight has
 * locked: hence there is always a worker that does not store (fs/fuse/fuse_notify.h).
 */
#include "fs/fuse/ahead.h"

#include "fs/fuse/decoder.h"
#include "fs/fuse/readers.h"
#include "fs/core/fs.h"
#include "store/codec/codec.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK	   (512u << 10)	 /* bytes that a worker stores before it looks again */
#define FILES	   64		 /* files of such a CHUNK, at most */
#define AT_ONCE	   (64u << 10)	 /* bytes that are stored before the end of a listing is told */
#define FILES_ONCE 4		 /* files of those, at most */
#define DECODED	   (2560u << 10) /* bytes of the archive, decoded beyond what is stored */
#define SPAN	   CODEC_SPACING /* the archive is decoded in such steps */
#define PAGE	   4096u
#define JUMP	   (256u << 10) /* bytes of an archive; more than the kernel reads ahead at once */
#define WORKERS	   4		/* that may store at the same time: fewer than there are */

/* A part of a file that a worker has taken. */
struct ahead_part {
	struct stream *from; /* to be looked at with the lock held: it may be another's by then */
	uint32_t layer, node;
	uint64_t offset, archive;
	size_t len;
};

/* What a worker stores. */
struct ahead_storing {
	bool busy;
	pid_t pid; /* for whom */
	uint32_t view;
	size_t done, count; /* of the parts that it has taken last */
	struct ahead_part parts[FILES];
};

struct ahead {
	struct fs *fs;
	pthread_mutex_t lock; /* guards what follows */
	struct readers readers;
	struct ahead_storing storing[WORKERS];
	unsigned storing_max; /* of those */
};

int ahead_open(struct fs *fs, struct ahead **out, struct err *err)
{
	struct ahead *a = calloc(1, sizeof(*a));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (!a)
		return err_nomem(err);
	a->fs = fs;
	a->storing_max = processors < 2 ? 1 : processors > WORKERS ? WORKERS : (unsigned)processors;
	pthread_mutex_init(&a->lock, NULL);
	*out = a;
	return 0;
}

void ahead_close(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static bool is_reader(const struct stream *s, const struct view *w, pid_t pid)
{
	return readers_is_of(s, w->inode.number, pid);
}

/* Whether the bytes at `archive` are on their way: a worker stores them now, or will. */
static bool is_under_way(const struct ahead *a, const struct stream *s, uint64_t archive)
{
	for (const struct ahead_storing *g = a->storing; g < a->storing + WORKERS; g++) {
		if (!g->busy || !readers_is_of(s, g->view, g->pid))
			continue;
		for (const struct ahead_part *p = g->parts + g->done; p < g->parts + g->count; p++)
			if (p->layer == s->layer && archive >= p->archive &&
			    archive - p->archive < p->len)
				return true;
	}
	return false;
}

/* A worker that has told its answer may begin to store. */
static void ahead_start(struct ahead *a, struct view *w, pid_t pid, struct ahead_work *out)
{
	assert(!out->view);
	for (struct ahead_storing *g = a->storing; g < a->storing + a->storing_max; g++) {
		if (g->busy)
			continue;
		out->view = w;
		out->pid = pid;
		out->storing = g;
		g->busy = true;
		g->pid = pid;
		g->view = w->inode.number;
		g->done = g->count = 0;
		inodes_hold(a->fs->inodes, view_ino(w, INODE_VIEW_ROOT));
		return;
	}
}

static bool is_far(uint64_t a, uint64_t b)
{
	return (a < b ? b - a : a - b) > JUMP;
}

void ahead_read(struct ahead *a, struct view *w, uint32_t node, uint64_t offset, size_t len,
		pid_t pid, struct ahead_work *out)
{
	const struct tree *t = view_tree(w);
	uint32_t layer = tree_layer(t, node);
	struct tree_run run;
	struct stream *s;

	if (layer == TREE_NONE || tree_map(t, node, offset, 1, &run) < 0 || !run.length || run.hole)
		return;
	pthread_mutex_lock(&a->lock);
	s = readers_find(&a->readers, w->inode.number, layer, pid);
	out->jumped = s->used == 0 ? offset > 0 : is_far(s->last, run.archive);
	s->last = run.archive + len;
	if (readers_follow(&a->readers, s, run.archive, len, is_under_way(a, s, run.archive)))
		readers_move_behind(s, t, node, offset + len);
	if (s->left > 0)
		ahead_start(a, w, pid, out);
	pthread_mutex_unlock(&a->lock);
}

/* ---- storing ---- */

/* Whole pages of a file, or what it has. */
static size_t ahead_part_length(const struct tree *t, const struct stream *s, size_t room)
{
	struct stat st;
	uint64_t rest;

	if (tree_stat(t, s->node, &st) < 0)
		return 0;
	rest = (uint64_t)st.st_size - s->offset;
	room = room < PAGE ? PAGE : room / PAGE * PAGE;
	return rest < room ? (size_t)rest : room;
}

/* What is to be decoded next of a stream, if it is time for that; with the lock held. */
static bool want(struct stream *s, uint64_t *archive)
{
	if (s->wanted < s->archive || s->wanted > s->archive + 2 * DECODED)
		s->wanted = s->archive;
	if (s->node == TREE_NONE || s->wanted >= s->archive + DECODED)
		return false;
	*archive = s->wanted += SPAN;
	return true;
}

/* Several readers have the processors busy, and the cache full. With the lock held. */
static bool is_alone(const struct ahead *a, pid_t pid)
{
	for (const struct ahead_storing *g = a->storing; g < a->storing + WORKERS; g++)
		if (g->busy && g->pid != pid)
			return false;
	return true;
}

/* The next parts of one of the reader's streams; how many. */
static size_t ahead_take(struct ahead *a, const struct ahead_work *work, size_t files, size_t room)
{
	const struct tree *t = view_tree(work->view);
	struct ahead_part *parts = work->storing->parts;
	uint64_t archive[DECODED / SPAN];
	size_t count = 0, wanted = 0;

	assert(files <= FILES);
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; count == 0 && i < READERS_STREAMS; i++) {
		struct stream *s = &a->readers.streams[i];

		while (is_reader(s, work->view, work->pid) && s->left > 0 && room > 0 &&
		       count < files) {
			size_t len = ahead_part_length(t, s, room < s->left ? room : s->left);

			parts[count++] =
			    (struct ahead_part){s, s->layer, s->node, s->offset, s->archive, len};
			room = (size_t)readers_less(room, len);
			s->left = (size_t)readers_less(s->left, len);
			s->trust = (size_t)readers_less(s->trust, len);
			readers_move(s, t, s->node, s->offset + len);
		}
		while (count > 0 && is_alone(a, work->pid) && wanted < DECODED / SPAN &&
		       want(s, &archive[wanted]))
			wanted++;
	}
	work->storing->done = 0;
	work->storing->count = count;
	pthread_mutex_unlock(&a->lock);
	for (size_t i = 0; i < wanted; i++)
		decoder_want(a->fs->decoder, work->view, parts[0].layer, archive[i]);
	return count;
}

/* The kernel does not know that one: this is where the next READ will be. */
static void stop_at(struct ahead *a, const struct ahead_work *work, const struct ahead_part *p)
{
	struct stream *s = p->from;

	pthread_mutex_lock(&a->lock);
	if (is_reader(s, work->view, work->pid) && s->layer == p->layer)
		readers_stop(s, p->node, p->offset, p->archive);
	pthread_mutex_unlock(&a->lock);
}

/* The data come first: so those that the kernel does not take yet are decoded by then. */
int ahead_store_range(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
		      size_t len)
{
	struct view_data d;
	int r = view_get_data(w, node, offset, len, &d, NULL);

	if (r < 0)
		return r;
	r = fs->kernel->store_pages(fs->kernel, view_ino(w, node), offset, d.iov, d.count);
	view_put_data(&d);
	return r;
}

/* How many parts of those that the worker took are stored, or will not be. */
static void ahead_done(struct ahead *a, const struct ahead_work *work, size_t done)
{
	pthread_mutex_lock(&a->lock);
	assert(done <= work->storing->count);
	work->storing->done = done;
	pthread_mutex_unlock(&a->lock);
}

/* False where there is no more to be stored for now. */
static bool store_some(struct ahead *a, const struct ahead_work *work, size_t files, size_t room)
{
	const struct ahead_part *parts = work->storing->parts;
	size_t count = ahead_take(a, work, files, room);

	for (size_t i = 0; i < count; i++) {
		const struct ahead_part *p = &parts[i];

		if (ahead_store_range(a->fs, work->view, p->node, p->offset, p->len) < 0) {
			stop_at(a, work, p);
			break;
		}
		ahead_done(a, work, i + 1);
	}
	ahead_done(a, work, count);
	return count > 0;
}

void ahead_store(struct ahead *a, struct ahead_work *work)
{
	if (!work->view)
		return;
	a->fs->kernel->go_on(a->fs->kernel);
	while (store_some(a, work, FILES, CHUNK))
		;
	inodes_let_go(a->fs->inodes, &work->view->inode);
	pthread_mutex_lock(&a->lock);
	work->storing->busy = false;
	pthread_mutex_unlock(&a->lock);
}

/* ---- listings ---- */

/* Whether a node is in a directory, whose entries ascend. */
static bool is_in(const struct tree *t, uint32_t dir, uint32_t node)
{
	uint32_t low = 0, high = tree_dir_count(t, dir);
	struct tree_dirent d;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!tree_dir_at(t, dir, middle, &d) || d.node == node)
			return d.node == node;
		if (d.node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void ahead_listed(struct ahead *a, struct view *w, uint32_t dir, pid_t pid, struct ahead_work *out)
{
	bool wanted = false;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < READERS_STREAMS; i++) {
		struct stream *s = &a->readers.streams[i];

		if (is_reader(s, w, pid) && s->left == 0 && s->trust > 0 && s->node != TREE_NONE &&
		    is_in(view_tree(w), dir, s->node)) {
			s->left = s->trust;
			wanted = true;
		}
	}
	if (wanted)
		ahead_start(a, w, pid, out);
	pthread_mutex_unlock(&a->lock);
	if (out->view)
		store_some(a, out, FILES_ONCE, AT_ONCE);
}

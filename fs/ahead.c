/* SPDX-License-Identifier: MIT */
/*
 * The kernel reads ahead within a file. For who reads a whole tree of small files that is no help:
 * each costs a READ, and a GETATTR too, since a READ makes the kernel doubt the time of access.
 * Pages that are stored into its cache before they are asked for cost neither.
 *
 * Nodes ascend in the order of a layer's archive, which is the order in which directories list
 * them. So a READ at the place where the last one of the same process in the same layer ended is
 * one of a reader that reads everything, and what follows is stored, as far as a window goes. Then
 * the next READ that comes at the end of what was stored doubles the window, and one that comes
 * anywhere else halves it: the first READ of a process stores nothing, a reader that picks files
 * stores little for nothing, and who only lists nothing at all.
 *
 * The kernel takes pages of inodes that it knows, and knows what was listed. So storing ends where
 * the next directory begins, the reader lists that, and its first READ there is at the right
 * place again.
 *
 * A reader that comes upon what is not stored yet sends a READ, which is answered like any other, by
 * another worker; storing goes on behind it. Storing waits for pages that a READ in flight has
 * locked: hence there are always workers that do not store.
 */
#include "fs/ahead.h"

#include "fs/fs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAMS	   128
#define WINDOW_MIN (128u << 10)
#define WINDOW_MAX (8u << 20)
#define GAP	   (64u << 10)	/* of an archive: headers, and what is not shown */
#define CHUNK	   (512u << 10) /* bytes that a worker takes at once, */
#define FILES	   64		/* of that many files at most */
#define NODES	   4096u	/* without bytes in a row, after which nothing is looked for */
#define PAGE	   4096u
#define WORKERS	   4 /* that may store at the same time: fewer than there are */

struct stream {
	struct ahead_key key; /* pid 0: unused */
	uint64_t used;	      /* a clock of READs */
	/* What comes next: */
	uint32_t node;
	uint64_t offset;
	uint64_t archive; /* … which is where in the layer */
	size_t window, left; /* the bytes that may be stored; left of them */
};

struct ahead {
	struct fs *fs;
	pthread_mutex_t lock; /* guards what follows */
	struct stream streams[STREAMS];
	uint64_t clock;
	unsigned storing, storing_max;
};

/* A part of a file. */
struct part {
	uint32_t node;
	uint64_t offset, archive;
	size_t len;
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

/* ---- streams; with the lock held ---- */

static bool same_key(const struct ahead_key *a, const struct ahead_key *b)
{
	return a->pid == b->pid && a->view == b->view && a->layer == b->layer;
}

/* The stream of that key, or the one that was not used for the longest time. */
static struct stream *find(struct ahead *a, const struct ahead_key *key)
{
	struct stream *oldest = a->streams;

	for (struct stream *s = a->streams; s < a->streams + STREAMS; s++) {
		if (same_key(&s->key, key))
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	return oldest;
}

/* Moves a stream to the first place from (node, offset) on that has bytes in its layer; false
 * where there is none. */
static bool move_to(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset)
{
	struct tree_run run;

	for (uint32_t i = 0; i < NODES && node < tree_count(t); i++, node++, offset = 0) {
		if (tree_layer(t, node) == s->key.layer &&
		    tree_map(t, node, offset, 1, &run) == 0 && run.length > 0 && !run.hole) {
			s->node = node;
			s->offset = offset;
			s->archive = run.archive;
			return true;
		}
	}
	s->node = TREE_NONE;
	s->left = 0;
	return false;
}

static void widen(struct stream *s)
{
	s->window = s->window < WINDOW_MIN / 2 ? WINDOW_MIN : 2 * s->window;
	if (s->window > WINDOW_MAX)
		s->window = WINDOW_MAX;
	s->left = s->window;
}

/* A READ of [archive, …) that ends before (node, offset). */
static void follow(struct stream *s, const struct tree *t, uint64_t archive, uint32_t node,
		   uint64_t offset)
{
	bool behind = archive < s->archive;
	uint64_t distance = behind ? s->archive - archive : archive - s->archive;

	if (behind && distance <= s->window)
		return; /* on its way to be stored, or stored and lost again */
	if (!behind && s->left > 0 && distance <= s->left) {
		s->left -= distance; /* the reader was faster */
	} else if (!behind && s->left == 0 && distance <= GAP) {
		widen(s);
	} else {
		s->window /= 2;
		s->left = 0;
	}
	move_to(s, t, node, offset);
}

void ahead_note(struct ahead *a, struct view *w, uint32_t node, uint64_t offset, size_t len,
		pid_t pid, struct ahead_work *out)
{
	const struct tree *t = view_tree(w);
	struct ahead_key key = {pid, w->inode.number, tree_layer(t, node)};
	struct tree_run run;
	struct stream *s;

	if (key.layer == TREE_NONE || tree_map(t, node, offset, 1, &run) < 0 || !run.length ||
	    run.hole)
		return;
	pthread_mutex_lock(&a->lock);
	s = find(a, &key);
	if (!same_key(&s->key, &key)) {
		*s = (struct stream){.key = key};
		move_to(s, t, node, offset + len);
	} else {
		follow(s, t, run.archive, node, offset + len);
	}
	s->used = ++a->clock;
	if (s->left > 0 && a->storing < a->storing_max) {
		a->storing++;
		*out = (struct ahead_work){w, key};
	}
	pthread_mutex_unlock(&a->lock);
	if (out->view)
		inodes_count_lookups(a->fs->inodes, view_ino(w, INODE_VIEW_ROOT), 1);
}

/* ---- storing ---- */

/* Whole pages of a file, or what it has. */
static size_t part_length(const struct tree *t, const struct stream *s, size_t room)
{
	struct stat st;
	uint64_t rest;

	if (tree_stat(t, s->node, &st) < 0)
		return 0;
	rest = (uint64_t)st.st_size - s->offset;
	room = room < PAGE ? PAGE : room / PAGE * PAGE;
	return rest < room ? (size_t)rest : room;
}

/* The next parts of a stream; how many. */
static size_t take(struct ahead *a, const struct ahead_work *work, struct part parts[static FILES])
{
	const struct tree *t = view_tree(work->view);
	size_t count = 0, room = CHUNK;
	struct stream *s;

	pthread_mutex_lock(&a->lock);
	s = find(a, &work->key);
	while (same_key(&s->key, &work->key) && s->left > 0 && room > 0 && count < FILES) {
		size_t len = part_length(t, s, room < s->left ? room : s->left);

		parts[count++] = (struct part){s->node, s->offset, s->archive, len};
		room -= len < room ? len : room;
		s->left -= len < s->left ? len : s->left;
		move_to(s, t, s->node, s->offset + len);
	}
	pthread_mutex_unlock(&a->lock);
	return count;
}

/* The kernel does not know that one: this is where the next READ will be. */
static void stop_at(struct ahead *a, const struct ahead_key *key, const struct part *p)
{
	struct stream *s;

	pthread_mutex_lock(&a->lock);
	s = find(a, key);
	if (same_key(&s->key, key) && (s->node == TREE_NONE || s->archive > p->archive)) {
		s->node = p->node;
		s->offset = p->offset;
		s->archive = p->archive;
		s->left = 0;
	}
	pthread_mutex_unlock(&a->lock);
}

static int store_part(struct ahead *a, const struct view *w, const struct part *p)
{
	struct view_data d;
	int r = view_get_data(w, p->node, p->offset, p->len, &d, NULL);

	if (r < 0)
		return r;
	r = a->fs->store_pages(a->fs, view_ino(w, p->node), p->offset, d.iov, d.count);
	if (r == 0) {
		stats_add(&a->fs->stats.stored, 1);
		stats_add(&a->fs->stats.stored_bytes, d.len);
	}
	view_put_data(&d);
	return r;
}

void ahead_store(struct ahead *a, struct ahead_work *work)
{
	struct part parts[FILES];
	size_t count;
	int r = 0;

	if (!work->view)
		return;
	while (r == 0 && (count = take(a, work, parts)) > 0) {
		for (size_t i = 0; r == 0 && i < count; i++) {
			r = store_part(a, work->view, &parts[i]);
			if (r < 0)
				stop_at(a, &work->key, &parts[i]);
		}
	}
	inodes_forget(a->fs->inodes, view_ino(work->view, INODE_VIEW_ROOT), 1);
	pthread_mutex_lock(&a->lock);
	a->storing--;
	pthread_mutex_unlock(&a->lock);
}

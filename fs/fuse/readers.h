/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of those who read, and how much is to be stored ahead of each of them (essay
 * on top of readers.c). It stores nothing itself. Not thread safe: ahead.c guards it with its lock.
 */
#ifndef FS_READERS_H
#define FS_READERS_H

#include "store/tree/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define READERS_STREAMS	   128
#define READERS_WINDOW_MIN (128u << 10)
#define READERS_WINDOW_MAX (8u << 20)
#define READERS_DOUBT_MIN  (4u << 20)
#define READERS_DOUBT_MAX  (1u << 30)
#define READERS_GAP	   (64u << 10) /* of an archive: headers, and what is not shown */

/* A reader's way through one layer of a view. Lengths are bytes, of the archive where an offset in
 * the layer is counted from. */
struct stream {
	pid_t pid; /* 0: unused */
	uint32_t view, layer;
	uint64_t used; /* a clock of READs; 0: its first one comes now */
	uint64_t last; /* where the last READ ended, in the layer */
	/* What comes next: TREE_NONE or the first byte that was neither read nor taken to be
	 * stored */
	uint32_t node;
	uint64_t offset;
	uint64_t archive; /* … and where that is in the layer */
	uint64_t wanted;  /* decoded up to here, or about to be */
	size_t window;
	size_t left;  /* of the window, to be stored yet */
	size_t trust; /* may be stored for a listing, before the next READ */
	/* Stored, or on the way to be: what lies between the last READ that moved the stream and
	 * `archive`. */
	uint64_t from;
	uint64_t met;	/* of that, asked for by READs while it was on its way */
	uint64_t lost;	/* … and when it had been stored */
	uint64_t use;	/* of the window before, not asked for by a READ */
	size_t doubt;	/* to be read in order before there is a window */
	size_t penalty; /* what that was at first; halved by each window that was of use */
};

struct readers {
	struct stream streams[READERS_STREAMS];
	uint64_t clock;
};

/* a - b, at least 0. */
static inline uint64_t readers_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

bool readers_is_of(const struct stream *s, uint32_t view, pid_t pid);

/* The stream of a reader in a layer. A new one takes the place of that which was not used for the
 * longest time. */
struct stream *readers_find(struct readers *r, uint32_t view, uint32_t layer, pid_t pid);

/* A READ of `len` bytes at `archive`. `under_way`: these bytes are taken to be stored, and are not
 * stored yet. False: the stream stays where it is; otherwise it is to be moved behind the READ. */
bool readers_follow(struct readers *r, struct stream *s, uint64_t archive, size_t len,
		    bool under_way);

/* Moves a stream to the first place from (node, offset) on that has bytes in its layer. */
void readers_move(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset);

/* The same for a READ, up to (node, offset): what follows is stored by nobody yet. */
void readers_move_behind(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset);

/* What begins at (node, offset), and at `archive`, could not be stored. */
void readers_stop(struct stream *s, uint32_t node, uint64_t offset, uint64_t archive);

#endif

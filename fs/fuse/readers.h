/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of readers, and how much is to be stored ahead of each of them (essay on top of
 * readers.c). It stores nothing itself. Not thread safe: ahead.c guards it with its lock.
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
#define READERS_GAP	   (64u << 10) /* bytes that a reader may skip: headers, hidden entries */

/* A reader's way through one layer of a view. All lengths are bytes. `last`, `archive`, `wanted` and
 * `from` are offsets in the layer's archive. */
struct stream {
	pid_t pid; /* 0: unused */
	uint32_t view, layer;
	uint64_t used; /* when it was last used, by a clock of READs; 0: its first READ comes now */
	uint64_t last; /* where the last READ ended */
	/* The first byte that was neither read nor taken to be stored: `offset` of `node`, which is
	 * TREE_NONE where nothing follows; and its place in the archive. */
	uint32_t node;
	uint64_t offset;
	uint64_t archive;
	uint64_t wanted; /* the archive is decoded up to here, or about to be */
	size_t window;
	size_t left;  /* what of the window is still to be stored */
	size_t trust; /* what may be stored for a listing, before the next READ */
	/* [from, archive) is stored or about to be: what follows the last READ that moved the
	 * stream. */
	uint64_t from;
	uint64_t met;	/* what READs asked for of [from, archive) before it was stored */
	uint64_t lost;	/* what READs asked for of [from, archive) after it was stored */
	uint64_t use;	/* what no READ asked for of the window before */
	size_t doubt;	/* what has to be read in order before there is a window */
	size_t penalty; /* what `doubt` was at first; halved by each window that was of use */
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

/* The stream of a reader in a layer, never NULL. A new one takes the place of that which was not used
 * for the longest time. */
struct stream *readers_find(struct readers *r, uint32_t view, uint32_t layer, pid_t pid);

/* A READ of `len` bytes at `archive` comes. `under_way`: a worker has taken these bytes and has not yet
 * stored them. True: the caller moves the stream behind the READ. False: the stream stays. */
bool readers_follow(struct readers *r, struct stream *s, uint64_t archive, size_t len,
		    bool under_way);

/* Moves a stream to the first place from (node, offset) on that has bytes in its layer. */
void readers_move(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset);

/* The same for a READ that ended at (node, offset): nothing of what follows is stored yet. */
void readers_move_behind(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset);

/* The part that begins at (node, offset), and at `archive`, could not be stored. */
void readers_stop(struct stream *s, uint32_t node, uint64_t offset, uint64_t archive);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A reader is a process that reads in a view; in each layer it has a stream of its own. Its first
 * READ stores nothing. A READ at the place where the last one in the same layer ended opens a
 * window: so many bytes are stored behind it. A READ that comes at the end of what was stored
 * doubles the window, and one that comes anywhere else halves it.
 *
 * What nobody wants must not be stored. There are two signs:
 *
 *  - READs ask for what was stored: the pages were dropped before they were read (backups do that
 *    with posix_fadvise, a kernel short of memory does it), or passed by (O_DIRECT). When READs
 *    have asked for more than half of what the reader has passed, this and the window before
 *    taken together, the reader falls into doubt: all its windows are 0. They stay so until it has
 *    sent READs of READERS_DOUBT_MIN bytes in order. Then a window is tried again, the smallest. If
 *    that is in vain too, twice as many bytes are needed the next time. Each window that was of
 *    use halves that number again.
 *  - The reader leaves the smallest window for another place. Then it has to send READs of as many
 *    bytes before it gets another one.
 *
 * So hardly more is stored for a reader than it reads. What is left of a doubt, up to
 * READERS_DOUBT_MIN, goes over to the next process that begins to read in the view: many short
 * processes may do the work of one.
 *
 * A READ of bytes that are on their way to be stored is no such sign: the reader was faster.
 */
#include "fs/fuse/readers.h"

#include <assert.h>

#define NODES 4096u /* without bytes in a row, after which nothing is looked for */

bool readers_is_of(const struct stream *s, uint32_t view, pid_t pid)
{
	return s->pid == pid && s->view == view;
}

/* A new stream, where `last` is the one that was used last in the view. */
static void readers_inherit(struct stream *s, const struct stream *last)
{
	size_t most = last->pid == s->pid ? READERS_DOUBT_MAX : READERS_DOUBT_MIN;

	s->doubt = last->doubt < most ? last->doubt : most;
	s->penalty = last->penalty < most ? last->penalty : most;
}

struct stream *readers_find(struct readers *r, uint32_t view, uint32_t layer, pid_t pid)
{
	struct stream *oldest = r->streams, last = {0};

	for (struct stream *s = r->streams; s < r->streams + READERS_STREAMS; s++) {
		if (s->layer == layer && readers_is_of(s, view, pid))
			return s;
		if (s->used < oldest->used)
			oldest = s;
		if (s->view == view && s->used > last.used)
			last = *s;
	}
	*oldest = (struct stream){.pid = pid, .view = view, .layer = layer, .node = TREE_NONE};
	readers_inherit(oldest, &last);
	return oldest;
}

static void widen(struct stream *s)
{
	s->use = readers_less(s->window, s->met + s->lost);
	if (s->window > 0)
		s->penalty /= 2;
	s->window = s->window < READERS_WINDOW_MIN ? READERS_WINDOW_MIN : 2 * s->window;
	if (s->window > READERS_WINDOW_MAX)
		s->window = READERS_WINDOW_MAX;
	s->left = s->trust = s->window;
}

static void narrow(struct stream *s)
{
	s->left = s->trust = 0;
	s->use = 0;
	if (s->window == READERS_WINDOW_MIN && s->doubt < s->window)
		s->doubt = s->window;
	s->window = s->window > READERS_WINDOW_MIN ? s->window / 2 : 0;
}

/* For all streams of the reader. */
static void readers_doubt(struct readers *r, const struct stream *of)
{
	uint32_t view = of->view;
	pid_t pid = of->pid;
	size_t penalty = of->penalty < READERS_DOUBT_MIN / 2 ? READERS_DOUBT_MIN : 2 * of->penalty;

	if (penalty > READERS_DOUBT_MAX)
		penalty = READERS_DOUBT_MAX;
	for (struct stream *s = r->streams; s < r->streams + READERS_STREAMS; s++) {
		if (!readers_is_of(s, view, pid))
			continue;
		s->window = s->left = s->trust = 0;
		s->use = 0;
		s->doubt = s->penalty = penalty;
	}
}

static void readers_believe(struct readers *r, const struct stream *of, size_t len)
{
	for (struct stream *s = r->streams; s < r->streams + READERS_STREAMS; s++)
		if (readers_is_of(s, of->view, of->pid))
			s->doubt = (size_t)readers_less(s->doubt, len);
}

/* Of a READ between s->from and s->archive. */
static bool is_in_vain(struct stream *s, uint64_t archive, size_t len, bool under_way)
{
	uint64_t passed = archive + len - s->from;

	assert(archive >= s->from);
	if (under_way) {
		s->met += len;
		return false;
	}
	s->lost += len;
	return 2 * s->lost > readers_less(passed, s->met) + s->use;
}

bool readers_follow(struct readers *r, struct stream *s, uint64_t archive, size_t len,
		    bool under_way)
{
	bool behind = archive < s->archive;
	uint64_t distance = behind ? s->archive - archive : archive - s->archive;
	bool first = s->used == 0;

	s->used = ++r->clock;
	if (first)
		return true;
	if (behind && archive >= s->from) {
		if (!is_in_vain(s, archive, len, under_way))
			return false;
		readers_doubt(r, s);
	} else if (behind && distance <= s->window) {
		return false;
	} else if (behind || distance > (s->left > 0 ? s->left : READERS_GAP)) {
		narrow(s);
	} else if (s->left > 0) { /* faster than the storing */
		s->left -= distance;
		s->trust = s->window;
	} else if (s->doubt > 0) {
		readers_believe(r, s, len);
	} else {
		widen(s);
	}
	return true;
}

void readers_move(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset)
{
	struct tree_run run;

	for (uint32_t i = 0; i < NODES && node < tree_count(t); i++, node++, offset = 0) {
		if (tree_layer(t, node) == s->layer && tree_map(t, node, offset, 1, &run) == 0 &&
		    run.length > 0 && !run.hole) {
			s->node = node;
			s->offset = offset;
			s->archive = run.archive;
			return;
		}
	}
	s->node = TREE_NONE;
	s->left = 0;
}

void readers_move_behind(struct stream *s, const struct tree *t, uint32_t node, uint64_t offset)
{
	readers_move(s, t, node, offset);
	s->from = s->archive;
	s->met = s->lost = 0;
}

void readers_stop(struct stream *s, uint32_t node, uint64_t offset, uint64_t archive)
{
	if (s->node != TREE_NONE && s->archive <= archive)
		return; /* it has been moved back */
	s->node = node;
	s->offset = offset;
	s->archive = archive;
	s->from = s->from < archive ? s->from : archive;
	s->left = 0;
}

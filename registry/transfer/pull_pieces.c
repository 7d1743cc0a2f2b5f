/* SPDX-License-Identifier: MIT */
/*
 * It begins with one stream, the reader's own, for all of the range. While the reader waits for its
 * bytes more than half of the time, helpers come, 2, then 4: each takes the next piece that
 * nobody has taken and fetches it into memory. The reader's stream runs up to the first piece, and
 * ends there as soon as that has bytes: only then is it known that the registry gives ranges. From
 * there on the reader takes the pieces in order.
 *
 * A helper does not try again. A piece that it could not bring is a gap, which the reader's stream
 * fetches with all its tries: so only the reader's stream can fail.
 *      at                    next               end
 *       |  own stream  | piece | piece |  ...    |
 */
#include "registry/transfer/pull_pieces.h"

#include "store/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define CONNECTIONS 4		/* of one blob at once */
#define RANGE_MIN   (8u << 20)	/* bytes, from which on helpers are worth it */
#define PIECE_MAX   (4u << 20)	/* bytes; smaller near the end, so that all end together */
#define PIECE_MIN   (2u << 20)	/* more than one read of the reader's */
#define AHEAD_MAX   (24u << 20) /* bytes of pieces, in front of the reader */
#define FAST	    32000	/* bytes a millisecond: no help where a connection brings as many */
#define LOOK_MS	    100		/* so often it is looked whether the reader waits */
#define POLL_MS	    200 /* a cancel's wake-up belongs to one wait; others look by themselves */

struct pull_piece {
	struct pull_piece *next;
	struct byte_range range; /* lock: its end moves down where it failed */
	uint64_t filled;	 /* lock: bytes that are there */
	bool ended;		 /* lock: no more come */
	char *data;		 /* owned */
};

struct pull_helper {
	struct pull_pieces *pieces;
	struct cancel cancel;
	pthread_t thread;
	bool started; /* the reader's: to be joined */
	bool at_work; /* lock */
};

struct pull_pieces {
	const struct transfer *transfer; /* borrowed, as the next two */
	const struct ref *repository;
	const struct descriptor *blob;
	struct registry_stream *own; /* the reader's, or NULL */
	uint64_t own_end;	     /* of what it brings */
	struct pull_helper helpers[CONNECTIONS];

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t at;		   /* lock: the reader's next byte */
	uint64_t next;		   /* lock: the first byte that no piece has had */
	uint64_t end;		   /* lock */
	struct pull_piece *pieces; /* lock: in their order */
	struct pull_piece *spare;  /* lock: those whose memory is free */
	unsigned working;	   /* lock: helpers at work */
	unsigned wanted;	   /* lock: connections */
	unsigned most;		   /* lock: of them; less where one was refused */
	bool stop;		   /* lock: helpers end */

	int64_t looked_ms, waited_ms; /* the reader's: when it looked last, its waits since then, */
	uint64_t looked_at;	      /* where it was, */
	bool was_slow;		      /* and whether that was slow */
};

/* ---- the helpers ---- */

static uint64_t piece_size(uint64_t left)
{
	uint64_t n = left / CONNECTIONS;

	n = n < PIECE_MIN ? PIECE_MIN : n > PIECE_MAX ? PIECE_MAX : n;
	return left > n + PIECE_MIN / 2 ? n : left;
}

/* Under the lock. Its memory is for another piece: new memory costs more than what is copied there. */
static void put_piece(struct pull_pieces *p, struct pull_piece *piece)
{
	piece->next = p->spare;
	p->spare = piece;
}

/* Under the lock; NULL: out of memory. */
static struct pull_piece *get_piece(struct pull_pieces *p)
{
	struct pull_piece *piece = p->spare;

	if (piece) {
		p->spare = piece->next;
		return piece;
	}
	piece = malloc(sizeof(*piece));
	if (piece)
		piece->data = mem_large(PIECE_MAX);
	if (piece && piece->data)
		return piece;
	free(piece);
	return NULL;
}

/* Under the lock: takes it out of the list. */
static void remove_piece(struct pull_pieces *p, struct pull_piece *piece)
{
	struct pull_piece **at;

	for (at = &p->pieces; *at != piece; at = &(*at)->next)
		;
	*at = piece->next;
	pthread_cond_broadcast(&p->changed);
	put_piece(p, piece);
}

/* Under the lock. The reader's stream gets a head start: it comes to no piece that has not begun. */
static uint64_t first_free(const struct pull_pieces *p)
{
	return p->next > p->at ? p->next : p->at + PIECE_MAX;
}

/* Under the lock: a piece at the end of the list; NULL: no more are to be had. */
static struct pull_piece *take_piece(struct pull_pieces *p)
{
	struct pull_piece *piece, **last;
	uint64_t first;

	while (!p->stop && p->working <= p->wanted && first_free(p) < p->end &&
	       first_free(p) - p->at > AHEAD_MAX - PIECE_MAX)
		pthread_cond_wait(&p->changed, &p->lock);
	if (p->stop || p->working > p->wanted || first_free(p) >= p->end)
		return NULL;
	piece = get_piece(p);
	if (!piece)
		return NULL;
	first = first_free(p);
	*piece = (struct pull_piece){.range = {first, first + piece_size(p->end - first)},
				     .data = piece->data};
	p->next = piece->range.end;
	for (last = &p->pieces; *last; last = &(*last)->next)
		;
	*last = piece;
	return piece;
}

/* Under the lock: what did not come is a gap. */
static void end_piece(struct pull_pieces *p, struct pull_piece *piece)
{
	bool last = p->next == piece->range.end;

	piece->ended = true;
	piece->range.end = piece->range.first + piece->filled;
	if (last)
		p->next = piece->range.end;
	if (piece->filled == 0)
		remove_piece(p, piece);
	pthread_cond_broadcast(&p->changed);
}

static int fill_piece(struct pull_pieces *p, struct pull_piece *piece, struct cancel *cancel)
{
	const struct blob_request q = {.repository = p->repository,
				       .digest = &p->blob->digest,
				       .size = p->blob->size,
				       .range = piece->range,
				       .extra = true};
	AUTO(registry_stream_close) struct registry_stream *stream = NULL;
	const uint64_t size = piece->range.end - piece->range.first;
	struct byte_range comes;
	int r = registry_blob(p->transfer->registry, &q, cancel, &comes, &stream, NULL);

	for (uint64_t filled = 0; !r && filled < size;) {
		ssize_t n = registry_stream_read(stream, piece->data + filled,
						 (size_t)(size - filled), NULL);

		if (n <= 0)
			return n < 0 ? (int)n : -EPROTO;
		filled += (uint64_t)n;
		pthread_mutex_lock(&p->lock);
		piece->filled = filled;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	return r;
}

/* Until there is nothing left to take, or a piece has failed. After -EBUSY helpers may come again. */
static void *help(void *arg)
{
	struct pull_helper *h = arg;
	struct pull_pieces *p = h->pieces;
	struct pull_piece *piece;
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (!r && (piece = take_piece(p))) {
		pthread_mutex_unlock(&p->lock);
		r = fill_piece(p, piece, &h->cancel);
		pthread_mutex_lock(&p->lock);
		end_piece(p, piece);
	}
	p->working--;
	if (r)
		p->wanted = p->working;
	if (r && r != -EBUSY)
		p->most = p->working;
	h->at_work = false;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void join_helper(struct pull_helper *h)
{
	if (!h->started)
		return;
	pthread_join(h->thread, NULL);
	cancel_destroy(&h->cancel);
	h->started = false;
}

/* Ends them all, and what they have brought. */
static void stop_helpers(struct pull_pieces *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	p->most = 0;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (p->helpers[i].started)
			cancel_set(&p->helpers[i].cancel);
	for (size_t i = 0; i < CONNECTIONS; i++)
		join_helper(&p->helpers[i]);
	while (p->pieces)
		remove_piece(p, p->pieces);
}

static void start_helper(struct pull_pieces *p)
{
	struct pull_helper *h = p->helpers;

	while (h->at_work)
		h++;
	join_helper(h);
	h->pieces = p;
	cancel_init(&h->cancel);
	if (p->transfer->cancel)
		h->cancel.deadline_ms = p->transfer->cancel->deadline_ms;
	h->at_work = true;
	p->working++;
	h->started = pthread_create(&h->thread, NULL, help, h) == 0;
	if (!h->started) {
		cancel_destroy(&h->cancel);
		h->at_work = false;
		p->working--;
		p->most = p->working;
	}
}

/* Under the lock. */
static void start_helpers(struct pull_pieces *p)
{
	while (p->working + (p->own != NULL) < CONNECTIONS && p->working < p->wanted &&
	       first_free(p) + PIECE_MIN < p->end)
		start_helper(p);
}

/* Under the lock: more of them where the reader waits twice in a row: each stream begins slowly. */
static void look_at_waits(struct pull_pieces *p)
{
	int64_t now = clock_ms(), since = now - p->looked_ms;
	bool slow;

	if (since < LOOK_MS)
		return;
	slow = p->waited_ms * 2 > since &&
	       p->at - p->looked_at < (uint64_t)since * FAST * (p->working + (p->own != NULL));
	if (slow && p->was_slow) {
		registry_found_slow(p->transfer->registry, p->repository);
		p->wanted = p->wanted ? p->wanted * 2 : 2;
	}
	p->wanted = p->wanted < p->most ? p->wanted : p->most;
	p->was_slow = slow;
	p->looked_at = p->at;
	p->looked_ms = now;
	p->waited_ms = 0;
	start_helpers(p);
}

/* ---- the reader ---- */

static int open_own(struct pull_pieces *p, struct byte_range range, struct byte_range *comes,
		    struct err *err)
{
	const struct blob_request q = {.repository = p->repository,
				       .digest = &p->blob->digest,
				       .size = p->blob->size,
				       .range = range};
	int r = registry_blob(p->transfer->registry, &q, p->transfer->cancel, comes, &p->own, err);

	p->own_end = r ? 0 : comes->end;
	return r;
}

/* The whole blob comes, whatever was asked for: nobody helps with that. */
static int start_over(struct pull_pieces *p, struct err *err)
{
	stop_helpers(p);
	p->at = 0;
	p->end = p->own_end = p->blob->size;
	return err_set(err, ESTALE, "the registry started over");
}

static ssize_t read_own(struct pull_pieces *p, uint64_t limit, void *data, size_t max,
			struct err *err)
{
	struct byte_range wanted = {p->at, limit}, comes = {p->at, limit};
	ssize_t n;

	if (p->own && p->own_end <= p->at) /* of a gap that is filled */
		registry_stream_close(steal(&p->own));
	n = p->own ? 0 : open_own(p, wanted, &comes, err);
	if (!n && comes.first != p->at)
		return start_over(p, err);
	if (!n)
		n = registry_stream_read(p->own, data,
					 max < limit - p->at ? max : (size_t)(limit - p->at), err);
	return n == -ESTALE ? start_over(p, err) : n;
}

static void wake_reader(void *arg)
{
	struct pull_pieces *p = arg;

	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* The piece at the reader's place has bytes for it, or ends, or is gone. */
static bool piece_is_ready(const struct pull_pieces *p)
{
	const struct pull_piece *piece = p->pieces;

	return !piece || piece->range.first > p->at || piece->ended ||
	       piece->range.first + piece->filled > p->at;
}

/* Under the lock, which is given up meanwhile. */
static int wait_for_piece(struct pull_pieces *p, struct err *err)
{
	struct cancel *cancel = p->transfer->cancel;
	int r = 0;

	pthread_mutex_unlock(&p->lock);
	if (cancel)
		cancel_on_set(cancel, wake_reader, p);
	pthread_mutex_lock(&p->lock);
	while (!piece_is_ready(p) && !(r = cancel_check(cancel, err)))
		clock_cond_wait(&p->changed, &p->lock, clock_ms() + POLL_MS);
	pthread_mutex_unlock(&p->lock);
	if (cancel)
		cancel_on_set(cancel, NULL, NULL);
	pthread_mutex_lock(&p->lock);
	return r;
}

/* Under the lock: bytes of the piece at the reader's place, which are there. */
static size_t read_piece(struct pull_pieces *p, void *data, size_t max)
{
	struct pull_piece *piece = p->pieces;
	uint64_t from = p->at - piece->range.first, n = piece->filled - from;

	n = n < max ? n : max;
	pthread_mutex_unlock(&p->lock);
	registry_stream_close(steal(&p->own)); /* it has come to where the pieces begin */
	memcpy(data, piece->data + from, (size_t)n);
	pthread_mutex_lock(&p->lock);
	return (size_t)n;
}

/* Under the lock: pieces that the reader has behind it. */
static void drop_read(struct pull_pieces *p)
{
	while (p->pieces && p->pieces->ended && p->pieces->range.end <= p->at)
		remove_piece(p, p->pieces);
}

/* Under the lock. */
static ssize_t read_next(struct pull_pieces *p, void *data, size_t max, struct err *err)
{
	uint64_t limit;
	ssize_t n;

	for (drop_read(p); !piece_is_ready(p); drop_read(p)) {
		int r = wait_for_piece(p, err);

		if (r)
			return r;
	}
	if (p->pieces && p->pieces->range.first <= p->at)
		return (ssize_t)read_piece(p, data, max);
	limit = p->pieces ? p->pieces->range.first : p->end;
	pthread_mutex_unlock(&p->lock);
	n = read_own(p, limit, data, max, err);
	pthread_mutex_lock(&p->lock);
	return n;
}

static ssize_t read_beyond(struct pull_pieces *p, void *data, size_t max, struct err *err)
{
	return p->own ? registry_stream_read(p->own, data, max, err) : 0;
}

ssize_t pull_pieces_read(struct pull_pieces *p, void *data, size_t max, struct err *err)
{
	int64_t began = clock_ms();
	ssize_t n;

	assert(max <= PIECE_MIN);
	pthread_mutex_lock(&p->lock);
	n = p->at < p->end ? read_next(p, data, max, err) : read_beyond(p, data, max, err);
	if (n > 0)
		p->at += (uint64_t)n;
	pthread_cond_broadcast(&p->changed);
	p->waited_ms += clock_ms() - began;
	if (n > 0 && p->most > 0)
		look_at_waits(p);
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* Where the registry is known to be slow it brings a head start alone, and helpers come at once. */
static int open_first(struct pull_pieces *p, struct byte_range range, struct byte_range *comes,
		      struct err *err)
{
	bool large = range.end - range.first >= RANGE_MIN;
	bool slow = large && registry_is_slow(p->transfer->registry, p->repository);
	struct byte_range head = {range.first, slow ? range.first + PIECE_MAX : range.end};
	int r = open_own(p, head, comes, err);

	if (r)
		return r;
	if (comes->first == head.first && comes->end == head.end) {
		*comes = range;
		p->most = large ? CONNECTIONS : 0;
		p->wanted = slow ? CONNECTIONS : 0;
	}
	p->at = p->looked_at = comes->first;
	p->next = p->own_end < comes->end ? p->own_end : p->at;
	p->end = comes->end;
	p->looked_ms = clock_ms();
	return 0;
}

int pull_pieces_open(const struct transfer *t, const struct ref *repository,
		     const struct descriptor *d, struct byte_range range, struct byte_range *comes,
		     struct pull_pieces **out, struct err *err)
{
	AUTO(pull_pieces_close) struct pull_pieces *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(err);
	p->transfer = t;
	p->repository = repository;
	p->blob = d;
	pthread_mutex_init(&p->lock, NULL);
	clock_cond_init(&p->changed);
	r = open_first(p, range, comes, err);
	if (r)
		return r;
	pthread_mutex_lock(&p->lock);
	start_helpers(p);
	pthread_mutex_unlock(&p->lock);
	*out = steal(&p);
	return 0;
}

void pull_pieces_close(struct pull_pieces *p)
{
	struct pull_piece *piece;

	if (!p)
		return;
	stop_helpers(p);
	while ((piece = p->spare)) {
		p->spare = piece->next;
		free(piece->data);
		free(piece);
	}
	registry_stream_close(p->own);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	free(p);
}

/* SPDX-License-Identifier: MIT */
/*
 * Nothing in a compressed stream says where its next member or frame starts, but every one starts
 * with the same few bytes. So the stream is cut where those stand, each part is decoded for itself,
 * and whether the guess was right is seen when its turn comes: then the part before must have ended
 * exactly there. Where it has not, its decoder goes on with the bytes of the next part, and what
 * was decoded of that is dropped. So what comes out is what one decoder would give, errors too.
 *
 * The feeding thread itself decodes a part if no start is found within PART_IN bytes, if the part
 * gives more than PART_OUT bytes, if it needs a large window, or if no thread has taken it. After
 * QUIET_MAX bytes without the end of a member it stops looking for starts: most layers are a single
 * member, and looking costs a little, too.
 */
#include "store/codec/parts.h"

#include "store/codec/part.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define IN_MIN	    (256u << 10) /* compressed bytes of a part */
#define CURRENT_MIN (32u << 10)	 /* and of what is decoded as it comes */
#define QUIET_MAX   (4u << 20)
#define THREADS_MAX 2 /* then the hash of the archive takes longer than decoding does */
#define RING	    (THREADS_MAX + 2) /* parts under way */
#define START_SIZE  4		      /* bytes by which a start is known */

/* One stream at a time has threads: what parts keep is some 30 MiB at the most, once. Others have
 * their parts decoded as they come. */
static atomic_bool threads_taken;

struct parts {
	struct codec base;
	struct part_goal goal;

	struct part *filling; /* owned, as are all parts; what was fed and is not cut yet */
	size_t scanned;	      /* of its bytes: no start is before that */
	struct part *current; /* inside of a member, decodes directly; NULL: between two */
	uint64_t quiet;	      /* bytes of it */
	struct part *spare[RING + 2];
	unsigned spares;

	pthread_t threads[THREADS_MAX];
	unsigned thread_count, threads_max;
	bool has_threads;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct part *ring[RING]; /* in the order of the stream */
	unsigned first, count;
	bool closing;
};

static struct part *parts_new_part(struct parts *w, uint64_t in_at, struct err *err)
{
	return part_new(&w->goal, in_at, w->spares > 0 ? w->spare[--w->spares] : NULL, err);
}

static void drop_part(struct parts *w, struct part *p)
{
	w->spare[w->spares++] = p;
}

/* ---- the threads ---- */

static struct part *find_untaken(struct parts *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		struct part *p = w->ring[(w->first + i) % RING];

		if (!p->taken)
			return p;
	}
	return NULL;
}

static void *parts_run(void *arg)
{
	struct parts *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->closing) {
		struct part *p = find_untaken(w);

		if (!p) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		p->taken = true;
		pthread_mutex_unlock(&w->lock);
		part_run(p);
		pthread_mutex_lock(&w->lock);
		p->done = true;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void parts_start_threads(struct parts *w)
{
	if (!w->has_threads && atomic_exchange(&threads_taken, true))
		return;
	w->has_threads = true;
	while (w->thread_count < w->threads_max &&
	       pthread_create(&w->threads[w->thread_count], NULL, parts_run, w) == 0)
		w->thread_count++;
}

/* The first part of the ring; true where a thread has decoded it. */
static bool take_first(struct parts *w, struct part **out)
{
	struct part *p;

	pthread_mutex_lock(&w->lock);
	p = w->ring[w->first];
	if (!p->taken)
		p->taken = true;
	else
		while (!p->done)
			pthread_cond_wait(&w->changed, &w->lock);
	w->first = (w->first + 1) % RING;
	w->count--;
	pthread_mutex_unlock(&w->lock);
	*out = p;
	return p->done;
}

/* ---- starts ---- */

static bool is_start(enum compression c, const uint8_t *p)
{
	static const uint8_t zstd[START_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};

	if (c == COMPRESSION_GZIP)
		return p[0] == 0x1f && p[1] == 0x8b && p[2] == 8 && !(p[3] & 0xe0);
	return memcmp(p, zstd, sizeof(zstd)) == 0;
}

/* ---- in order; these run in the thread that feeds ---- */

/* Behind bytes that `current` took: whether it goes on. */
static int parts_settle(struct parts *w, size_t len, struct err *err)
{
	int r = part_end(w->current, err);

	w->quiet += len;
	if (r || w->current->codec)
		return r;
	w->quiet = 0;
	drop_part(w, w->current);
	w->current = NULL;
	return 0;
}

static int give_first(struct parts *w, struct err *err)
{
	struct part *p;
	bool done = take_first(w, &p);
	int r = 0;

	if (w->current) { /* p is no beginning */
		drop_part(w, p);
	} else {
		w->current = p;
		if (done && p->result != -ENOBUFS) {
			r = part_give(p, err);
			return r ? r : parts_settle(w, p->in_len, err);
		}
		r = part_begin_direct(p, err);
	}
	if (r == 0)
		r = codec_feed(w->current->codec, p->in, p->in_len, err);
	return r ? r : parts_settle(w, p->in_len, err);
}

/* While one goes on, all that lies behind it goes to it. */
static int parts_give(struct parts *w, unsigned left, struct err *err)
{
	int r = 0;

	while (r == 0 && w->count > 0 && (w->count > left || w->current))
		r = give_first(w, err);
	return r;
}

/* The first `len` bytes become a part; the rest is for the next one. */
static int parts_cut(struct parts *w, size_t len, struct err *err)
{
	struct part *p = w->filling;
	struct part *next = parts_new_part(w, p->in_at + len, err);

	if (!next)
		return -ENOMEM;
	next->in_len = p->in_len - len;
	memcpy(next->in, p->in + len, next->in_len);
	p->in_len = len;
	w->filling = next;
	w->scanned = 0;
	parts_start_threads(w);
	pthread_mutex_lock(&w->lock);
	w->ring[(w->first + w->count++) % RING] = p;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return parts_give(w, w->thread_count + 1, err);
}

/* The first `len` bytes are decoded as they come; nothing is in the ring. */
static int pass(struct parts *w, size_t len, struct err *err)
{
	struct part *p = w->filling;
	int r = 0;

	if (!w->current) {
		w->current = parts_new_part(w, p->in_at, err);
		if (!w->current)
			return -ENOMEM;
		r = part_begin_direct(w->current, err);
	}
	if (r == 0)
		r = codec_feed(w->current->codec, p->in, len, err);
	if (r)
		return r;
	p->in_at += len;
	p->in_len -= len;
	memmove(p->in, p->in + len, p->in_len);
	w->scanned = 0;
	if (p->in_len >= START_SIZE && is_start(w->goal.compression, p->in))
		return parts_settle(w, len, err);
	w->quiet += len; /* what follows a member may be padding */
	return 0;
}

/* The next start in what was fed, behind the first `from` bytes; 0: none. */
static size_t find_start(struct parts *w, size_t from)
{
	const struct part *p = w->filling;
	int first = w->goal.compression == COMPRESSION_GZIP ? 0x1f : 0x28;
	size_t at = w->scanned > from ? w->scanned : from;

	for (; at + START_SIZE <= p->in_len; at++) {
		const uint8_t *next = memchr(p->in + at, first, p->in_len - START_SIZE + 1 - at);

		if (!next) {
			at = p->in_len - START_SIZE + 1;
			break;
		}
		at = (size_t)(next - p->in);
		if (is_start(w->goal.compression, next)) {
			w->scanned = at;
			return at;
		}
	}
	w->scanned = at;
	return 0;
}

/* Nothing is cut any more. */
static bool is_passing(const struct parts *w)
{
	return w->quiet > QUIET_MAX;
}

/* As much as can be done with what was fed. */
static int parts_advance(struct parts *w, struct err *err)
{
	for (;;) {
		size_t start = find_start(w, w->current ? CURRENT_MIN : IN_MIN);
		int r = 0;

		if (start > 0) {
			r = w->current ? pass(w, start, err) : parts_cut(w, start, err);
		} else if (w->filling->in_len == PART_IN) {
			r = parts_give(w, 0, err);
			if (r == 0)
				r = pass(w, PART_IN - START_SIZE, err);
		} else {
			return 0;
		}
		if (r)
			return r;
		if (is_passing(w))
			return pass(w, w->filling->in_len, err);
	}
}

static int parts_feed(struct codec *c, const uint8_t *data, size_t len, struct err *err)
{
	struct parts *w = (struct parts *)c;
	int r = 0;

	while (r == 0 && len > 0 && !is_passing(w)) {
		struct part *p = w->filling;
		size_t n = PART_IN - p->in_len;

		n = n < len ? n : len;
		memcpy(p->in + p->in_len, data, n);
		p->in_len += n;
		data += n;
		len -= n;
		r = parts_advance(w, err);
	}
	return r || len == 0 ? r : codec_feed(w->current->codec, data, len, err);
}

static int parts_finish(struct codec *c, struct err *err)
{
	struct parts *w = (struct parts *)c;
	bool empty = w->filling->in_at == 0 && w->count == 0;
	int r = parts_give(w, 0, err);

	if (r == 0 && (w->filling->in_len > 0 || empty))
		r = pass(w, w->filling->in_len, err);
	return r == 0 && w->current ? codec_finish(w->current->codec, err) : r;
}

/* For who decodes a stream of unknown length: parts are for layers, whose end is known. */
static bool parts_may_end(const struct codec *c)
{
	(void)c;
	return false;
}

static void parts_close(struct codec *c)
{
	struct parts *w = (struct parts *)c;

	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	if (w->has_threads)
		atomic_store(&threads_taken, false);
	while (w->count > 0)
		part_free(w->ring[(w->first + --w->count) % RING]);
	while (w->spares > 0)
		part_free(w->spare[--w->spares]);
	part_free(w->filling);
	part_free(w->current);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int parts_open(enum compression c, unsigned threads, const struct codec_sink *sink,
	       struct codec **out, struct err *err)
{
	static const struct codec_ops ops = {parts_feed, parts_finish, parts_may_end, parts_may_end,
					     parts_close};
	struct parts *w;

	if (threads == 0 || c == COMPRESSION_NONE)
		return codec_open(c, sink, out, err);
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem(err);
	w->base.ops = &ops;
	w->base.sink = (struct codec_sink){.arg = sink->arg, .data = sink->data};
	w->goal = (struct part_goal){.compression = c, .codec = &w->base, .sink = *sink};
	w->threads_max = threads < THREADS_MAX ? threads : THREADS_MAX;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->filling = parts_new_part(w, 0, err);
	if (!w->filling) {
		parts_close(&w->base);
		return -ENOMEM;
	}
	*out = &w->base;
	return 0;
}

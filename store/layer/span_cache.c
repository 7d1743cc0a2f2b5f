/* SPDX-License-Identifier: MIT */
#include "store/layer/span_cache.h"

#include "store/base/map.h"
#include "store/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

/* Spans of about one size can take each other's memory, without the kernel. */
#define SIZE_STEP (128u << 10)

/* Plain bytes after which others that wait are told. */
#define STEP (256u << 10)

/* Threads that wait for their turn are woken one by one. */
#define TURNS 64

struct cached_span {
	struct span_key key;
	uint8_t *data; /* mapped, as long as `size` says: goes back to the system at once */
	size_t size, len;
	size_t filled; /* data[0..filled) are right, and do not change */
	const struct span_ops *ops;
	void *state;	/* the decoder's, owned; used without the lock by who decodes */
	bool decoding;	/* somebody does */
	bool failed;	/* not in the map any more */
	bool spent;	/* goes before all others */
	unsigned users; /* 0: in the list `unused`, unless it failed */
	struct err error;
	pthread_cond_t changed; /* filled, decoding, failed */
	TAILQ_ENTRY(cached_span) link;
};

TAILQ_HEAD(span_list, cached_span);

struct span_cache {
	pthread_mutex_t lock; /* guards all of this */
	size_t max, bytes;    /* of all spans, those being decoded too */
	unsigned decoding_max;
	uint64_t turns, ended; /* of threads that want to decode: turn < ended + decoding_max may */
	pthread_cond_t turned[TURNS]; /* by turn % TURNS */
	uint64_t hits, misses;
	struct map *spans;	 /* owned; by key: struct cached_span, not failed */
	struct span_list unused; /* by the time of use, latest first */
};

struct span_cache *span_cache_new(size_t bytes)
{
	struct span_cache *c = calloc(1, sizeof(*c));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (!c)
		return NULL;
	c->spans = map_new();
	if (!c->spans) {
		free(c);
		return NULL;
	}
	c->max = bytes;
	/* One more than there are processors: it is there when another has ended. */
	c->decoding_max = processors > 0 ? (unsigned)processors + 1 : 2;
	pthread_mutex_init(&c->lock, NULL);
	for (int i = 0; i < TURNS; i++)
		pthread_cond_init(&c->turned[i], NULL);
	TAILQ_INIT(&c->unused);
	return c;
}

static void end_state(struct cached_span *s)
{
	if (s->state)
		s->ops->end(s->state);
	s->state = NULL;
}

static void span_free(struct cached_span *s)
{
	end_state(s);
	if (s->data)
		munmap(s->data, s->size);
	pthread_cond_destroy(&s->changed);
	free(s);
}

/* Drops unused spans until `more` bytes fit, as far as that can be; `heir`, if there is one, gets
 * the memory of one of them that is large enough. Lock held. */
static void span_cache_make_room(struct span_cache *c, size_t more, struct cached_span *heir)
{

	while (c->bytes > 0 && c->bytes + more > c->max) {
		struct cached_span *s = TAILQ_LAST(&c->unused, span_list);

		if (!s)
			break;
		TAILQ_REMOVE(&c->unused, s, link);
		map_remove(c->spans, &s->key, sizeof(s->key));
		c->bytes -= s->size;
		if (heir && !heir->data && s->size >= heir->size) {
			heir->data = s->data;
			heir->size = s->size;
			s->data = NULL;
		}
		span_free(s);
	}
}

void span_cache_free(struct span_cache *c)
{
	if (!c)
		return;
	c->max = 0;
	span_cache_make_room(c, 0, NULL);
	map_free(c->spans);
	pthread_mutex_destroy(&c->lock);
	for (int i = 0; i < TURNS; i++)
		pthread_cond_destroy(&c->turned[i]);
	free(c);
}

static uint64_t counter(const struct span_cache *cache, const uint64_t *value)
{
	struct span_cache *c = (struct span_cache *)cache;
	uint64_t v;

	pthread_mutex_lock(&c->lock);
	v = *value;
	pthread_mutex_unlock(&c->lock);
	return v;
}

uint64_t span_cache_hits(const struct span_cache *c)
{
	return counter(c, &c->hits);
}

uint64_t span_cache_misses(const struct span_cache *c)
{
	return counter(c, &c->misses);
}

const uint8_t *cached_span_data(const struct cached_span *s)
{
	return s->data;
}

/* Lock held. */
static void span_cache_keep(struct span_cache *c, struct cached_span *s)
{
	assert(s->users > 0);
	if (--s->users > 0)
		return;
	if (s->failed) {
		span_free(s);
		return;
	}
	if (s->spent)
		TAILQ_INSERT_TAIL(&c->unused, s, link);
	else
		TAILQ_INSERT_HEAD(&c->unused, s, link);
	span_cache_make_room(c, 0, NULL);
}

void span_cache_put(struct span_cache *c, struct cached_span *s, bool spent)
{
	pthread_mutex_lock(&c->lock);
	s->spent = spent;
	span_cache_keep(c, s);
	pthread_mutex_unlock(&c->lock);
}

/* Memory for a span that is new. Lock not held. */
static int get_memory(struct cached_span *s, struct err *err)
{
	void *data;

	if (s->data)
		return 0;
	data = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (data == MAP_FAILED)
		return err_nomem(err);
	s->data = data;
	return 0;
}

/* One step further, by the thread that decodes it. Lock not held. */
static ssize_t span_cache_step(struct cached_span *s, size_t wanted, void *arg, struct err *err)
{
	size_t next = s->filled + STEP < wanted ? s->filled + STEP : wanted;
	int r = get_memory(s, err);

	return r ? r : s->ops->fill(arg, &s->state, s->data, next, err);
}

/* Lock held. */
static void span_cache_fail(struct span_cache *c, struct cached_span *s, const struct err *err)
{
	assert(!s->failed && c->bytes >= s->size);
	s->failed = true;
	s->error = *err;
	map_remove(c->spans, &s->key, sizeof(s->key));
	c->bytes -= s->size;
}

static void wait_for_turn(struct span_cache *c)
{
	uint64_t turn = c->turns++;

	while (turn >= c->ended + c->decoding_max)
		pthread_cond_wait(&c->turned[turn % TURNS], &c->lock);
}

static void end_turn(struct span_cache *c)
{
	assert(c->ended < c->turns);
	c->ended++;
	pthread_cond_broadcast(&c->turned[(c->ended + c->decoding_max - 1) % TURNS]);
}

/* Lock held on both ends; nobody else decodes the span. In steps, so that who wants less of it gets
 * that earlier. */
static void span_cache_decode(struct span_cache *c, struct cached_span *s, size_t wanted, void *arg)
{
	assert(!s->decoding);
	s->decoding = true;
	wait_for_turn(c);
	while (!s->failed && s->filled < wanted) {
		struct err err = {0};
		ssize_t n;

		pthread_mutex_unlock(&c->lock);
		n = span_cache_step(s, wanted, arg, &err);
		pthread_mutex_lock(&c->lock);
		if (n < 0)
			span_cache_fail(c, s, &err);
		else
			assert((size_t)n >= s->filled && (size_t)n <= s->len);
		s->filled = (size_t)n;
		pthread_cond_broadcast(&s->changed);
	}
	s->decoding = false;
	pthread_cond_broadcast(&s->changed);
	if (s->filled == s->len)
		end_state(s);
	end_turn(c);
}

/* Lock held on both ends. The span, which this thread uses, up to `wanted`. */
static int reach(struct span_cache *c, struct cached_span *s, size_t wanted, void *arg,
		 struct err *err)
{
	while (!s->failed && s->filled < wanted) {
		if (s->decoding)
			pthread_cond_wait(&s->changed, &c->lock);
		else
			span_cache_decode(c, s, wanted, arg);
	}
	if (!s->failed)
		return 0;
	if (err)
		*err = s->error;
	return -s->error.code;
}

/* A new span in the map, used by this thread; NULL: out of memory. Lock held. */
static struct cached_span *span_cache_begin(struct span_cache *c, const struct span_key *key,
					    const struct span_ops *ops)
{
	struct cached_span *s = calloc(1, sizeof(*s));

	if (!s || map_put(c->spans, key, sizeof(*key), s) < 0) {
		free(s);
		return NULL;
	}
	pthread_cond_init(&s->changed, NULL);
	s->key = *key;
	s->len = key->len;
	s->size = (s->len + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
	s->ops = ops;
	s->users = 1;
	c->misses++;
	span_cache_make_room(c, s->size, s);
	c->bytes += s->size;
	return s;
}

int span_cache_get(struct span_cache *c, const struct span_key *key, size_t wanted,
		   const struct span_ops *ops, void *arg, struct cached_span **out, bool *begun,
		   struct err *err)
{
	struct cached_span *s;
	int r;

	assert(wanted <= key->len);
	pthread_mutex_lock(&c->lock);
	s = map_get(c->spans, key, sizeof(*key));
	*begun = !s;
	if (s) {
		c->hits++;
		if (s->users++ == 0)
			TAILQ_REMOVE(&c->unused, s, link);
	} else {
		s = span_cache_begin(c, key, ops);
	}
	r = s ? reach(c, s, wanted, arg, err) : err_nomem(err);
	if (r && s)
		span_cache_keep(c, s);
	pthread_mutex_unlock(&c->lock);
	if (!r)
		*out = s;
	return r;
}

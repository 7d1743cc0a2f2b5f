/* SPDX-License-Identifier: MIT */
#include "store/span_cache.h"

#include "store/map.h"
#include "store/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

/* Spans of about one size can take each other's memory, without the kernel. */
#define SIZE_STEP (256u << 10)

enum state { STATE_DECODING, STATE_READY, STATE_FAILED };

struct cached_span {
	struct span_key key;
	uint8_t *data;	 /* mapped, as long as `size` says: goes back to the system at once */
	size_t size;
	enum state state;
	bool spent; /* goes before all others */
	unsigned users;	  /* 0: in the list `unused`, unless it failed */
	struct err error; /* of STATE_FAILED, for those who wait */
	TAILQ_ENTRY(cached_span) link;
};

TAILQ_HEAD(span_list, cached_span);

struct span_cache {
	pthread_mutex_t lock;	/* guards all of this */
	pthread_cond_t changed; /* a span's state, or `decoding` */
	size_t max, bytes;	/* of all spans, those being decoded too */
	unsigned decoding, decoding_max;
	uint64_t hits, misses;
	struct map *spans;	 /* owned; by key: struct cached_span, not failed */
	struct span_list unused; /* ready, by the time of use, latest first */
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
	c->decoding_max = processors > 1 ? (unsigned)processors : 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	TAILQ_INIT(&c->unused);
	return c;
}

static void span_free(struct cached_span *s)
{
	if (s->data)
		munmap(s->data, s->size);
	free(s);
}

/* Drops unused spans until `more` bytes fit, as far as that can be; `heir`, if there is one, gets the
 * memory of one of them that is large enough. Lock held. */
static void make_room(struct span_cache *c, size_t more, struct cached_span *heir)
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
	make_room(c, 0, NULL);
	map_free(c->spans);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
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
static void put(struct span_cache *c, struct cached_span *s)
{
	if (--s->users > 0)
		return;
	if (s->state == STATE_FAILED) {
		span_free(s);
		return;
	}
	if (s->spent)
		TAILQ_INSERT_TAIL(&c->unused, s, link);
	else
		TAILQ_INSERT_HEAD(&c->unused, s, link);
	make_room(c, 0, NULL);
}

void span_cache_put(struct span_cache *c, struct cached_span *s, bool spent)
{
	pthread_mutex_lock(&c->lock);
	s->spent = spent;
	put(c, s);
	pthread_mutex_unlock(&c->lock);
}

/* Lock held on both ends. A span that is there, or that another thread is at. */
static int join(struct span_cache *c, struct cached_span *s, struct err *err)
{
	int rc = 0;

	c->hits++;
	if (s->users++ == 0)
		TAILQ_REMOVE(&c->unused, s, link);
	while (s->state == STATE_DECODING)
		pthread_cond_wait(&c->changed, &c->lock);
	if (s->state == STATE_FAILED) {
		rc = -s->error.code;
		if (err)
			*err = s->error;
		put(c, s);
	}
	return rc;
}

/* Lock not held: memory and content of a span that others only wait for. */
static int fill_span(struct cached_span *s, span_fill_fn fill, void *arg)
{
	if (!s->data) {
		void *data = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (data == MAP_FAILED)
			return err_nomem(&s->error);
		s->data = data;
	}
	return fill(arg, s->data, &s->error);
}

/* Lock held on both ends; the span is in the map, and ours. */
static int decode(struct span_cache *c, struct cached_span *s, span_fill_fn fill, void *arg,
		  struct err *err)
{
	int rc;

	c->misses++;
	while (c->decoding == c->decoding_max)
		pthread_cond_wait(&c->changed, &c->lock);
	c->decoding++;
	make_room(c, s->size, s);
	c->bytes += s->size;
	pthread_mutex_unlock(&c->lock);

	rc = fill_span(s, fill, arg);

	pthread_mutex_lock(&c->lock);
	c->decoding--;
	s->state = rc ? STATE_FAILED : STATE_READY;
	pthread_cond_broadcast(&c->changed);
	if (rc) {
		if (err)
			*err = s->error;
		map_remove(c->spans, &s->key, sizeof(s->key));
		c->bytes -= s->size;
		put(c, s);
	}
	return rc;
}

int span_cache_get(struct span_cache *c, const struct span_key *key, size_t len, span_fill_fn fill,
		   void *arg, struct cached_span **out, struct err *err)
{
	struct cached_span *s;
	int rc;

	pthread_mutex_lock(&c->lock);
	s = map_get(c->spans, key, sizeof(*key));
	if (s) {
		rc = join(c, s, err);
	} else {
		s = calloc(1, sizeof(*s));
		if (!s || map_put(c->spans, key, sizeof(*key), s) < 0) {
			free(s);
			rc = err_nomem(err);
		} else {
			s->key = *key;
			s->size = (len + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
			s->users = 1;
			rc = decode(c, s, fill, arg, err);
		}
	}
	pthread_mutex_unlock(&c->lock);
	if (rc == 0)
		*out = s;
	return rc;
}

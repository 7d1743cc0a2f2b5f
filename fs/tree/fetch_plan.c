/* SPDX-License-Identifier: MIT */
#include "fs/tree/fetch_plan.h"

#include "store/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define PLAN_NEAR	(16u << 10)  /* between two chunks lies what belongs to none */
#define PLAN_WINDOW_MIN (256u << 10) /* bytes that are fetched at least for who reads on */
#define PLAN_WINDOW_MAX (8u << 20)
#define PLAN_JOIN	(64u << 10) /* bytes that nobody wants come sooner than another answer */
#define PLAN_NOWHERE	UINT64_MAX

/* Of one blob. */
struct planned_blob {
	struct planned_fetch *fetches; /* under way */
	uint64_t next;		       /* where the last one ended; or PLAN_NOWHERE */
	uint64_t window;	       /* bytes; 0: nobody reads on */
};

struct planned_fetch {
	struct planned_fetch *next;
	struct planned_blob *blob;
	struct byte_range range;
	uint64_t number;
	bool begun; /* its range is asked for: nothing joins it any more */
	unsigned users;
};

struct fetch_plan {
	pthread_mutex_t lock;
	uint64_t window_max;
	uint64_t numbers;  /* given so far */
	unsigned fetches;  /* under way */
	struct map *blobs; /* struct digest → struct planned_blob; they stay */
};

int fetch_plan_open(uint64_t window_max, struct fetch_plan **out, struct err *err)
{
	struct fetch_plan *z = calloc(1, sizeof(*z));

	if (z)
		z->blobs = map_new();
	if (!z || !z->blobs) {
		free(z);
		return err_nomem(err);
	}
	z->window_max = window_max < PLAN_WINDOW_MAX ? window_max : PLAN_WINDOW_MAX;
	pthread_mutex_init(&z->lock, NULL);
	*out = z;
	return 0;
}

static void free_blob(void *value)
{
	struct planned_blob *b = value;

	assert(!b->fetches);
	free(b);
}

void fetch_plan_close(struct fetch_plan *z)
{
	if (!z)
		return;
	map_free_all(z->blobs, free_blob);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

static struct planned_blob *get_blob(struct fetch_plan *z, const struct digest *digest)
{
	struct planned_blob *b = map_get(z->blobs, digest, sizeof(*digest));

	if (b)
		return b;
	b = calloc(1, sizeof(*b));
	if (b)
		b->next = PLAN_NOWHERE;
	if (b && map_put(z->blobs, digest, sizeof(*digest), b) < 0) {
		free(b);
		b = NULL;
	}
	return b;
}

static struct planned_fetch *find_fetch(const struct planned_blob *b, uint64_t at)
{
	for (struct planned_fetch *f = b->fetches; f; f = f->next)
		if (f->range.first <= at && at < f->range.end)
			return f;
	return NULL;
}

static struct planned_fetch *begin_fetch(struct fetch_plan *z, struct planned_blob *b,
					 struct byte_range range)
{
	struct planned_fetch *f = malloc(sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct planned_fetch){b->fetches, b, range, z->numbers++, false, 1};
	b->fetches = f;
	b->next = range.end;
	z->fetches++;
	return f;
}

static bool reads_on(const struct planned_blob *b, uint64_t at)
{
	return at >= b->next && at - b->next <= PLAN_NEAR;
}

/* One that waits for its turn, and has the range or lies beside it: it is for both now. */
static struct planned_fetch *join_fetch(struct planned_blob *b, struct byte_range range)
{
	for (struct planned_fetch *f = b->fetches; f; f = f->next) {
		struct byte_range both = {range.first < f->range.first ? range.first
								       : f->range.first,
					  range.end > f->range.end ? range.end : f->range.end};
		uint64_t wanted = range.end - range.first + f->range.end - f->range.first;

		if (f->begun || both.end - both.first > wanted + PLAN_JOIN)
			continue;
		if (f->range.end == b->next)
			b->next = both.end;
		f->range = both;
		return f;
	}
	return NULL;
}

/* The window that a reader has who wants what begins at `at`. */
static uint64_t grow_window(const struct fetch_plan *z, struct planned_blob *b, uint64_t at)
{
	if (!reads_on(b, at))
		b->window = 0;
	else if (b->window < PLAN_WINDOW_MIN)
		b->window = PLAN_WINDOW_MIN;
	else
		b->window = 2 * b->window < z->window_max ? 2 * b->window : z->window_max;
	return b->window;
}

static uint64_t end_of(uint64_t first, uint64_t len, uint64_t size)
{
	return len < size - first ? first + len : size;
}

/* Under the lock: NULL, or what is to be under way before it is asked for. */
static struct planned_fetch *plan_ahead(struct fetch_plan *z, struct planned_blob *b, uint64_t size)
{
	struct byte_range range = {b->next, end_of(b->next, b->window, size)};

	return b->window > PLAN_WINDOW_MIN && range.first < range.end ? begin_fetch(z, b, range)
								      : NULL;
}

int fetch_plan_make(struct fetch_plan *z, const struct digest *blob, uint64_t size,
		    struct byte_range missing, struct planned_fetch **fetch,
		    struct planned_fetch **ahead, struct err *err)
{
	struct planned_blob *b;

	assert(missing.first < missing.end && missing.end <= size);
	*fetch = *ahead = NULL;
	pthread_mutex_lock(&z->lock);
	b = get_blob(z, blob);
	if (b)
		*fetch = find_fetch(b, missing.first);
	if (*fetch) {
		(*fetch)->users++;
		if ((*fetch)->range.end == b->next)
			*ahead = plan_ahead(z, b, size);
	} else if (b && !reads_on(b, missing.first) && (*fetch = join_fetch(b, missing))) {
		(*fetch)->users++;
		b->window = 0;
	} else if (b) {
		uint64_t end = end_of(missing.first, grow_window(z, b, missing.first), size);

		if (end > missing.end)
			missing.end = end;
		*fetch = begin_fetch(z, b, missing);
		if (*fetch)
			*ahead = plan_ahead(z, b, size);
	}
	pthread_mutex_unlock(&z->lock);
	return *fetch ? 0 : err_nomem(err);
}

uint64_t planned_fetch_number(const struct planned_fetch *f)
{
	return f->number;
}

struct byte_range planned_fetch_range(struct fetch_plan *z, const struct planned_fetch *f)
{
	struct byte_range range;

	pthread_mutex_lock(&z->lock);
	range = f->range;
	pthread_mutex_unlock(&z->lock);
	return range;
}

struct byte_range planned_fetch_begin(struct fetch_plan *z, struct planned_fetch *f)
{
	struct byte_range range;

	pthread_mutex_lock(&z->lock);
	f->begun = true;
	range = f->range;
	pthread_mutex_unlock(&z->lock);
	return range;
}

void planned_fetch_put(struct fetch_plan *z, struct planned_fetch *f)
{
	struct planned_fetch **at;

	if (!f)
		return;
	pthread_mutex_lock(&z->lock);
	assert(f->users > 0);
	if (--f->users == 0) {
		for (at = &f->blob->fetches; *at != f; at = &(*at)->next)
			;
		*at = f->next;
		z->fetches--;
		free(f);
	}
	pthread_mutex_unlock(&z->lock);
}

uint64_t fetch_plan_coming(struct fetch_plan *z, const struct digest *blob)
{
	const struct planned_blob *b;
	uint64_t n = 0;

	pthread_mutex_lock(&z->lock);
	b = map_get(z->blobs, blob, sizeof(*blob));
	for (const struct planned_fetch *f = b ? b->fetches : NULL; f; f = f->next)
		n += f->range.end - f->range.first;
	pthread_mutex_unlock(&z->lock);
	return n;
}

bool fetch_plan_busy(struct fetch_plan *z)
{
	bool busy;

	pthread_mutex_lock(&z->lock);
	busy = z->fetches > 0;
	pthread_mutex_unlock(&z->lock);
	return busy;
}

void planned_fetch_failed(struct fetch_plan *z, struct planned_fetch *f)
{
	pthread_mutex_lock(&z->lock);
	f->blob->window = 0;
	f->blob->next = PLAN_NOWHERE;
	pthread_mutex_unlock(&z->lock);
}

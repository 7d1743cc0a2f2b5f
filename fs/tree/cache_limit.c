/* SPDX-License-Identifier: MIT */
#include "fs/tree/cache_limit.h"

#include "fs/core/job.h"
#include "store/images/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Of the limit: what goes at once, so that it does not go slot by slot; what a fetch has at most, as many
 * are under way. */
#define LIMIT_STEP   8
#define LIMIT_WINDOW 128
#define WINDOW_LEAST (256u << 10)

struct cache_limit {
	struct fs *fs; /* borrowed */
	uint64_t max;
	int (*in_use)(struct fs *fs, const struct digest *image, bool locked, struct err *err);
	pthread_mutex_t lock; /* of all below; held while something goes */
	uint64_t coming;      /* bytes */
	uint64_t whole;	      /* bytes of whole blobs, when it was last looked */
};

int cache_limit_open(struct fs *fs, uint64_t max,
		     int (*in_use)(struct fs *fs, const struct digest *image, bool locked,
				   struct err *err),
		     struct cache_limit **out, struct err *err)
{
	struct cache_limit *c = calloc(1, sizeof(*c));

	if (!c)
		return err_nomem(err);
	c->fs = fs;
	c->max = max;
	c->in_use = in_use;
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return 0;
}

void cache_limit_close(struct cache_limit *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Under the lock. Images that are in use may fill it; then what is read in part has a little still. */
static uint64_t left_for_held(const struct cache_limit *c)
{
	uint64_t taken = c->whole + c->coming, least = c->max / LIMIT_STEP;

	return taken + least < c->max ? c->max - taken : least;
}

int cache_limit_take(struct cache_limit *c, uint64_t bytes, struct err *err)
{
	struct cache_trim t = {0};
	int r;

	if (!c)
		return 0;
	pthread_mutex_lock(&c->lock);
	c->coming += bytes;
	t.most = left_for_held(c);
	t.down_to = t.most - c->max / LIMIT_STEP;
	r = cache_trim(c->fs->store, &t, err);
	if (r)
		c->coming -= bytes;
	pthread_mutex_unlock(&c->lock);
	stats_add(&c->fs->stats.evicted_bytes, t.gone);
	return r;
}

void cache_limit_give(struct cache_limit *c, uint64_t bytes)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	assert(c->coming >= bytes);
	c->coming -= bytes;
	pthread_mutex_unlock(&c->lock);
}

bool cache_limit_fits(struct cache_limit *c, uint64_t bytes)
{
	struct cache_size size;

	return !c || (cache_measure(c->fs->store, &size, NULL) == 0 &&
		      size.held + size.whole + bytes <= c->max);
}

uint64_t cache_limit_window(const struct cache_limit *c)
{
	uint64_t most = c ? c->max / LIMIT_WINDOW : UINT64_MAX;

	return most > WINDOW_LEAST ? most : WINDOW_LEAST;
}

static bool image_in_use(void *arg, const struct digest *image)
{
	const struct cache_limit *c = arg;

	return c->in_use(c->fs, image, false, NULL) != 0; /* also where that is not known */
}

static int trim_all(struct job *j, void *arg, struct err *err)
{
	struct cache_limit *c = arg;
	struct cache_trim t = {
	    .most = c->max,
	    .down_to = c->max - c->max / LIMIT_STEP,
	    .in_use = image_in_use,
	    .arg = c,
	};
	int r = cache_trim(c->fs->store, &t, err);

	(void)j;
	stats_add(&c->fs->stats.evicted_bytes, t.gone);
	if (!r && t.gone)
		r = cache_measure(c->fs->store, &t.before, err);
	pthread_mutex_lock(&c->lock);
	c->whole = t.before.whole;
	pthread_mutex_unlock(&c->lock);
	return r;
}

void cache_limit_look(struct cache_limit *c)
{
	const struct job_spec spec = {
	    .title = "room for the cache",
	    .class = "cache",
	    .at_once = 1,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = trim_all,
	    .arg = c,
	};

	if (c)
		job_start(c->fs->jobs, &spec, NULL, NULL);
}

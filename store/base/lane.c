/* SPDX-License-Identifier: MIT */
#include "store/base/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LANE_SIZE (1u << 20)
static_assert((UINT64_MAX - LANE_SIZE + 1) % LANE_SIZE == 0, "places go on where counts wrap");
#define TAKE_SIZE (LANE_SIZE / 4) /* at most at once, so that there is room again soon */

struct lane {
	lane_take_fn take;
	void *arg;
	bool threaded;
	pthread_t thread;
	char *ring; /* owned; written by who puts, read by the thread: never the same bytes */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	uint64_t put, taken; /* bytes ever; put - taken <= LANE_SIZE */
	bool closing;
	int result; /* of the take that failed */
	struct err why;
};

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Bytes to take now, 0 when there will be none any more. With the lock held. */
static size_t wait_bytes(struct lane *l)
{
	while (!l->closing && (l->put == l->taken || l->result < 0))
		pthread_cond_wait(&l->changed, &l->lock);
	if (l->closing)
		return 0;
	assert(l->put > l->taken && l->put - l->taken <= LANE_SIZE);
	return smallest(l->put - l->taken, LANE_SIZE - l->taken % LANE_SIZE, TAKE_SIZE);
}

static void *lane_run(void *arg)
{
	struct lane *l = arg;
	size_t n;

	pthread_mutex_lock(&l->lock);
	while ((n = wait_bytes(l)) > 0) {
		const char *data = l->ring + l->taken % LANE_SIZE;
		struct err why = {0};
		int r;

		pthread_mutex_unlock(&l->lock);
		r = l->take(l->arg, data, n, &why);
		pthread_mutex_lock(&l->lock);
		l->taken += n;
		if (r < 0) {
			l->result = r;
			l->why = why;
		}
		pthread_cond_signal(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int lane_open(lane_take_fn take, void *arg, struct lane **out, struct err *err)
{
	struct lane *l = calloc(1, sizeof(*l));
	char *ring = malloc(LANE_SIZE);

	if (!l || !ring) {
		free(l);
		free(ring);
		return err_nomem(err);
	}
	*l = (struct lane){.take = take, .arg = arg, .ring = ring};
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	l->threaded = pthread_create(&l->thread, NULL, lane_run, l) == 0;
	*out = l;
	return 0;
}

static int failure(const struct lane *l, struct err *err)
{
	if (l->result < 0 && err)
		*err = l->why;
	return l->result;
}

/* Room in one piece, with the lock held; 0 after a failure. */
static size_t wait_room(struct lane *l, size_t len)
{
	while (l->result == 0 && l->put - l->taken == LANE_SIZE)
		pthread_cond_wait(&l->changed, &l->lock);
	if (l->result < 0)
		return 0;
	return smallest(len, LANE_SIZE - (l->put - l->taken), LANE_SIZE - l->put % LANE_SIZE);
}

static int put_inline(struct lane *l, const void *data, size_t len, struct err *err)
{
	if (l->result == 0)
		l->result = l->take(l->arg, data, len, &l->why);
	return failure(l, err);
}

int lane_put(struct lane *l, const void *data, size_t len, struct err *err)
{
	const char *from = data;
	int r;

	if (!l->threaded)
		return put_inline(l, data, len, err);
	pthread_mutex_lock(&l->lock);
	while (len > 0) {
		size_t n = wait_room(l, len);

		if (n == 0)
			break;
		pthread_mutex_unlock(&l->lock);
		memcpy(l->ring + l->put % LANE_SIZE, from, n); /* only this thread moves put */
		from += n;
		len -= n;
		pthread_mutex_lock(&l->lock);
		l->put += n;
		assert(l->put - l->taken <= LANE_SIZE);
		pthread_cond_signal(&l->changed);
	}
	r = failure(l, err);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int lane_drain(struct lane *l, struct err *err)
{
	int r;

	pthread_mutex_lock(&l->lock);
	while (l->result == 0 && l->put > l->taken)
		pthread_cond_wait(&l->changed, &l->lock);
	r = failure(l, err);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void lane_close(struct lane *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	if (l->threaded)
		pthread_join(l->thread, NULL);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l->ring);
	free(l);
}

/* SPDX-License-Identifier: MIT */
#include "store/base/budget.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define POLL_NS 20000000 /* between looks at a cancel */

struct budget {
	pthread_mutex_t lock; /* guards taken */
	pthread_cond_t given;
	size_t bytes, taken;
};

struct budget *budget_new(size_t bytes)
{
	struct budget *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->bytes = bytes;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->given, NULL);
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	pthread_cond_destroy(&b->given);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static void wait_a_moment(struct budget *b)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&b->given, &b->lock, &until);
}

int budget_take(struct budget *b, size_t bytes, struct cancel *cancel, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&b->lock);
	while (!r && b->taken > 0 && (bytes > b->bytes || b->taken > b->bytes - bytes)) {
		wait_a_moment(b);
		r = cancel_check(cancel, err);
	}
	if (!r)
		b->taken += bytes;
	pthread_mutex_unlock(&b->lock);
	return r;
}

void budget_give(struct budget *b, size_t bytes)
{
	pthread_mutex_lock(&b->lock);
	assert(b->taken >= bytes);
	b->taken -= bytes;
	pthread_cond_broadcast(&b->given);
	pthread_mutex_unlock(&b->lock);
}

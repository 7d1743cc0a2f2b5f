/* SPDX-License-Identifier: MIT */
/* Two clocks: deadlines, limits and rates use CLOCK_MONOTONIC, which is never set back. Times of
 * files use the wall clock. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Microseconds since some moment before the start. */
static inline int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

static inline int64_t clock_ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Milliseconds since 1970, exact to a few ms. */
static inline int64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return clock_ms_of(t);
}

/* Makes a condition whose timed waits use CLOCK_MONOTONIC. */
static inline void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* Waits for such a condition, until clock_ms() is until_ms at most; may end early for no reason. */
static inline void clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	const struct timespec t = {until_ms / 1000, until_ms % 1000 * 1000000};

	pthread_cond_timedwait(cond, lock, &t);
}

#endif

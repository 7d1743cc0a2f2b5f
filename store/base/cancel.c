/* SPDX-License-Identifier: MIT */
#include "store/base/cancel.h"

#include "store/base/clock.h"

#include <errno.h>
#include <string.h>

void cancel_init(struct cancel *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
}

void cancel_destroy(struct cancel *c)
{
	pthread_mutex_destroy(&c->lock);
}

void cancel_set(struct cancel *c)
{
	pthread_mutex_lock(&c->lock);
	if (!c->set) {
		atomic_store_explicit(&c->set, true, memory_order_release);
		if (c->wake)
			c->wake(c->arg);
	}
	pthread_mutex_unlock(&c->lock);
}

int cancel_check(struct cancel *c, struct err *err)
{
	if (!c)
		return 0;
	if (atomic_load_explicit(&c->set, memory_order_acquire))
		return err_set(err, EINTR, "interrupted");
	if (c->deadline_ms && clock_ms() >= c->deadline_ms)
		return err_set(err, ETIMEDOUT, "timed out");
	return 0;
}

void cancel_on_set(struct cancel *c, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&c->lock);
	c->wake = wake;
	c->arg = arg;
	if (c->set && wake)
		wake(arg);
	pthread_mutex_unlock(&c->lock);
}

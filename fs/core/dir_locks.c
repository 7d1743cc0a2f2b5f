/* SPDX-License-Identifier: MIT */
#include "fs/core/dir_locks.h"

#include "store/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

LIST_HEAD(dir_lock_list, dir_lock);

struct dir_locks {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t forgot;
	struct dir_lock_list parked, forgetting;
	int64_t again_ms; /* until then, who gave way comes again; 0: none does */
	atomic_uint
	    in_way; /* of those that forget: for whom a LOOKUP gave way. Read without the lock */
};

int dir_locks_open(struct dir_locks **out, struct err *err)
{
	struct dir_locks *l = calloc(1, sizeof(*l));

	if (!l)
		return err_nomem(err);
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->forgot);
	LIST_INIT(&l->parked);
	LIST_INIT(&l->forgetting);
	*out = l;
	return 0;
}

void dir_locks_close(struct dir_locks *l)
{
	if (!l)
		return;
	pthread_cond_destroy(&l->forgot);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Under the lock. */
static bool has_dir(const struct dir_lock_list *list, uint64_t dir)
{
	const struct dir_lock *d;

	LIST_FOREACH(d, list, link)
		if (d->dir == dir)
			return true;
	return false;
}

void dir_locks_park(struct dir_locks *l, struct dir_lock *d, uint64_t dir)
{
	*d = (struct dir_lock){.dir = dir};
	if (!dir)
		return;
	pthread_mutex_lock(&l->lock);
	LIST_INSERT_HEAD(&l->parked, d, link);
	pthread_mutex_unlock(&l->lock);
}

/* Under the lock. */
static bool comes_again(const struct dir_locks *l)
{
	return l->again_ms && clock_ms() < l->again_ms;
}

bool dir_locks_await(struct dir_locks *l, const struct dir_lock *d)
{
	const int64_t until = clock_ms() + DIR_LOCKS_MOMENT_MS;
	struct dir_lock *f;
	bool free;

	pthread_mutex_lock(&l->lock);
	while (!(free = !has_dir(&l->forgetting, d->dir)) && clock_ms() < until)
		clock_cond_wait(&l->forgot, &l->lock, until);
	LIST_FOREACH(f, &l->forgetting, link) {
		if (f->dir != d->dir || f->met)
			continue;
		f->met = true;
		atomic_fetch_add(&l->in_way, 1);
	}
	if (!free)
		l->again_ms = clock_ms() + DIR_LOCKS_AGAIN_MS;
	pthread_mutex_unlock(&l->lock);
	return free;
}

/* Under the lock. */
static bool is_in_way_elsewhere(const struct dir_locks *l, uint64_t dir)
{
	const struct dir_lock *f;

	LIST_FOREACH(f, &l->forgetting, link)
		if (f->met && f->dir != dir)
			return true;
	return false;
}

void dir_locks_pass(struct dir_locks *l, uint64_t dir)
{
	const int64_t until = clock_ms() + DIR_LOCKS_MOMENT_MS;

	if (!atomic_load_explicit(&l->in_way, memory_order_relaxed))
		return;
	pthread_mutex_lock(&l->lock);
	while (is_in_way_elsewhere(l, dir) && clock_ms() < until)
		clock_cond_wait(&l->forgot, &l->lock, until);
	pthread_mutex_unlock(&l->lock);
}

void dir_locks_unpark(struct dir_locks *l, struct dir_lock *d)
{
	if (!d->dir)
		return;
	pthread_mutex_lock(&l->lock);
	LIST_REMOVE(d, link);
	pthread_mutex_unlock(&l->lock);
}

bool dir_locks_parked(struct dir_locks *l)
{
	bool any;

	if (!l)
		return false;
	pthread_mutex_lock(&l->lock);
	any = !LIST_EMPTY(&l->parked) || comes_again(l);
	pthread_mutex_unlock(&l->lock);
	return any;
}

bool dir_locks_forget(struct dir_locks *l, struct dir_lock *d, uint64_t dir)
{
	bool may;

	*d = (struct dir_lock){.dir = dir};
	pthread_mutex_lock(&l->lock);
	while (has_dir(&l->forgetting, dir))
		pthread_cond_wait(&l->forgot, &l->lock);
	may = !has_dir(&l->parked, dir) && !comes_again(l);
	if (may)
		LIST_INSERT_HEAD(&l->forgetting, d, link);
	pthread_mutex_unlock(&l->lock);
	return may;
}

bool dir_locks_forgot(struct dir_locks *l, struct dir_lock *d)
{
	bool met;

	pthread_mutex_lock(&l->lock);
	LIST_REMOVE(d, link);
	pthread_cond_broadcast(&l->forgot);
	met = d->met;
	if (met)
		atomic_fetch_sub(&l->in_way, 1);
	pthread_mutex_unlock(&l->lock);
	return !met;
}

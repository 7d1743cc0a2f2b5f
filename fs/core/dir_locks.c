/* SPDX-License-Identifier: MIT */
#include "fs/core/dir_locks.h"

#include <pthread.h>
#include <stdlib.h>

LIST_HEAD(dir_lock_list, dir_lock);

struct dir_locks {
	pthread_mutex_t lock; /* guards what follows */
	struct dir_lock_list parked, forgetting;
};

int dir_locks_open(struct dir_locks **out, struct err *err)
{
	struct dir_locks *l = calloc(1, sizeof(*l));

	if (!l)
		return err_nomem(err);
	pthread_mutex_init(&l->lock, NULL);
	LIST_INIT(&l->parked);
	LIST_INIT(&l->forgetting);
	*out = l;
	return 0;
}

void dir_locks_close(struct dir_locks *l)
{
	if (!l)
		return;
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

bool dir_locks_park(struct dir_locks *l, struct dir_lock *d, uint64_t dir)
{
	struct dir_lock *f;
	bool free = true;

	*d = (struct dir_lock){.dir = dir};
	if (!dir)
		return true;
	pthread_mutex_lock(&l->lock);
	LIST_INSERT_HEAD(&l->parked, d, link);
	LIST_FOREACH(f, &l->forgetting, link) {
		if (f->dir == dir) {
			f->met = true;
			free = false;
		}
	}
	pthread_mutex_unlock(&l->lock);
	return free;
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
	any = !LIST_EMPTY(&l->parked);
	pthread_mutex_unlock(&l->lock);
	return any;
}

bool dir_locks_forget(struct dir_locks *l, struct dir_lock *d, uint64_t dir)
{
	bool may;

	*d = (struct dir_lock){.dir = dir};
	pthread_mutex_lock(&l->lock);
	may = !has_dir(&l->parked, dir);
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
	met = d->met;
	pthread_mutex_unlock(&l->lock);
	return !met;
}

/* SPDX-License-Identifier: MIT */
#include "store/images/cache.h"

#include "store/base/clock.h"
#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/disk/held.h"
#include "store/disk/lease.h"
#include "store/disk/names.h"
#include "store/images/gc.h"
#include "store/images/reach.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- how much there is ---- */

static int add_on_disk(void *arg, const struct digest *digest, uint64_t size, uint64_t on_disk,
		       struct err *err)
{
	(void)digest;
	(void)size;
	(void)err;
	*(uint64_t *)arg += on_disk;
	return 0;
}

int cache_measure_held(struct store *s, uint64_t *out, struct err *err)
{
	*out = 0;
	return held_each(s, add_on_disk, out, err);
}

/* A walk over images, beside what must stay. */
struct whole {
	struct store *store;
	struct reach *stays, *counted; /* borrowed */
	uint64_t bytes;
	int64_t used_ms; /* the latest use of a layer */
};

static int cache_on_descriptor(void *arg, const struct descriptor *d, const struct manifest *m,
			       struct err *err)
{
	(void)arg;
	(void)d;
	(void)m;
	(void)err;
	return 0;
}

/* What names lead to that were not looked up alone. What cannot be understood leads nowhere: what
 * it needs was not looked up, or is not here. */
static int reach_kept(const struct names *names, struct reach *stays, struct err *err)
{
	for (size_t i = 0; i < names_count(names); i++)
		if (!names_at(names, i)->looked_up &&
		    reach_walk(stays, &names_at(names, i)->descriptor, cache_on_descriptor, NULL,
			       err) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

/* Only layers count: documents are read whenever somebody asks what images there are. */
static int add_whole(void *arg, const struct descriptor *d, const struct manifest *m,
		     struct err *err)
{
	struct whole *w = arg;
	char path[BLOB_PATH_MAX];
	struct stat st;
	int r = 0;

	(void)d;
	for (size_t i = 0; !r && m && i < m->layer_count; i++) {
		const struct digest *digest = &m->layers[i].digest;
		int64_t ms;

		if (reach_seen(w->counted, digest) || reach_seen(w->stays, digest) ||
		    fstatat(store_dirfd(w->store), blob_path(digest, path), &st,
			    AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		r = reach_mark(w->counted, digest, err);
		w->bytes += (uint64_t)st.st_size;
		ms = clock_ms_of(st.st_atim);
		w->used_ms = ms > w->used_ms ? ms : w->used_ms;
	}
	return r;
}

static int count_image(struct whole *w, const struct name *n, struct err *err)
{
	AUTO(reach_close) struct reach *seen = NULL;
	int r = reach_open(w->store, &seen, err);

	if (!r && reach_walk(seen, &n->descriptor, add_whole, w, err) == -ENOMEM)
		r = -ENOMEM;
	return r;
}

int cache_measure(struct store *s, struct cache_size *out, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	AUTO(reach_close) struct reach *stays = NULL, *counted = NULL;
	struct whole w = {.store = s};
	int r = cache_measure_held(s, &out->held, err);

	if (!r)
		r = names_get(s, &names, err);
	if (!r)
		r = reach_open(s, &stays, err);
	if (!r)
		r = reach_open(s, &counted, err);
	if (!r)
		r = reach_kept(names, stays, err);
	w.stays = stays;
	w.counted = counted;
	for (size_t i = 0; !r && i < names_count(names); i++)
		if (names_at(names, i)->looked_up)
			r = count_image(&w, names_at(names, i), err);
	out->whole = w.bytes;
	return r;
}

/* ---- what may go ---- */

/* A slot of what is held, or an image. */
struct victim {
	int64_t used_ms;
	uint64_t bytes;
	struct held *held; /* borrowed; NULL: an image */
	uint64_t slot;
	struct digest image;
};

struct victims {
	struct store *store;
	struct reach *stays; /* owned: what leases hold, and then what images that stay lead to */
	struct held **held;  /* owned */
	size_t held_count;
	struct victim *list; /* owned */
	size_t count, room;
	bool failed; /* no memory */
};

static void victims_clear(struct victims *v)
{
	for (size_t i = 0; i < v->held_count; i++)
		held_close(v->held[i]);
	reach_close(v->stays);
	free(v->held);
	free(v->list);
}

static void add_victim(struct victims *v, const struct victim *new)
{
	if (v->count == v->room) {
		size_t room = v->room ? 2 * v->room : 1024;
		struct victim *list = reallocarray(v->list, room, sizeof(*list));

		v->failed |= !list;
		if (!list)
			return;
		v->list = list;
		v->room = room;
	}
	v->list[v->count++] = *new;
}

static void add_slot(void *arg, uint64_t slot, uint64_t bytes, int64_t used_ms)
{
	struct victims *v = arg;
	const struct victim new = {
	    .used_ms = used_ms, .bytes = bytes, .held = v->held[v->held_count - 1], .slot = slot};

	add_victim(v, &new);
}

/* One that cannot be opened now stays. */
static int add_held(void *arg, const struct digest *digest, uint64_t size, uint64_t on_disk,
		    struct err *err)
{
	struct victims *v = arg;
	struct held **list;

	if (on_disk == 0 || reach_seen(v->stays, digest))
		return 0;
	list = reallocarray(v->held, v->held_count + 1, sizeof(struct held *));
	if (!list)
		return err_nomem(err);
	v->held = list;
	if (held_open_existing(v->store, digest, size, &list[v->held_count], NULL) < 0)
		return 0;
	v->held_count++;
	held_each_slot(list[v->held_count - 1], add_slot, v);
	return v->failed ? err_nomem(err) : 0;
}

static int cache_on_leased(void *arg, const struct digest *digest, struct err *err)
{
	return reach_mark(arg, digest, err);
}

static int add_leased(struct store *s, struct reach *stays, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int r = store_lock(s, &lock, err);

	return r ? r : lease_each(s, cache_on_leased, stays, err);
}

static int add_image(struct victims *v, const struct name *n, struct err *err)
{
	AUTO(reach_close) struct reach *counted = NULL;
	struct whole w = {.store = v->store, .stays = v->stays};
	struct victim new = {.image = n->descriptor.digest};
	int r = reach_open(v->store, &counted, err);

	w.counted = counted;
	if (!r)
		r = count_image(&w, n, err);
	new.bytes = w.bytes;
	new.used_ms = w.used_ms;
	if (!r && new.bytes > 0)
		add_victim(v, &new);
	return v->failed ? err_nomem(err) : r;
}

static int add_images(struct victims *v, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	int r = names_get(v->store, &names, err);

	if (!r)
		r = reach_kept(names, v->stays, err);
	for (size_t i = 0; !r && i < names_count(names); i++)
		if (names_at(names, i)->looked_up)
			r = add_image(v, names_at(names, i), err);
	return r;
}

static int by_use(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	if (x->used_ms != y->used_ms)
		return x->used_ms < y->used_ms ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot; /* who reads on is done with it first */
}

/* ---- it goes ---- */

/* Its names go, and what nothing else needs. */
static int drop_image(struct store *s, const struct digest *image, uint64_t *gone, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree struct names_change *changes = NULL;
	struct gc gc = {0};
	int r = names_get(s, &names, err);

	if (r)
		return r;
	changes = calloc(names_count(names) + 1, sizeof(*changes));
	if (!changes)
		return err_nomem(err);
	for (size_t i = 0; i < names_count(names); i++) {
		const struct name *n = names_at(names, i);

		if (!digest_equal(&n->descriptor.digest, image))
			continue;
		if (!n->looked_up)
			return 0; /* somebody has pulled it meanwhile */
		changes[gc.count++] = (struct names_change){
		    .reference = n->reference, .only = image, .only_looked_up = true};
	}
	if (gc.count == 0)
		return 0;
	gc.names = changes;
	r = gc_run(s, &gc, err);
	*gone += gc.bytes;
	return r;
}

/* The slots of one blob, of those that were chosen. */
static int evict_slots(const struct victims *v, size_t count, struct held *held, struct err *err)
{
	struct ranges slots = RANGES_INIT;
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		uint64_t first = v->list[i].slot * HELD_SLOT, end = first + HELD_SLOT;

		if (v->list[i].held != held)
			continue;
		end = end < held_size(held) ? end : held_size(held);
		r = ranges_add(&slots, (struct byte_range){first, end}, err);
	}
	if (!r && slots.count > 0)
		r = held_evict(held, &slots, err);
	ranges_clear(&slots);
	return r;
}

static int take_away(struct victims *v, struct cache_trim *t, uint64_t bytes, struct err *err)
{
	size_t chosen = 0;
	int r = 0;

	for (; !r && chosen < v->count && t->gone < bytes; chosen++) {
		const struct victim *one = &v->list[chosen];

		if (one->held)
			t->gone += one->bytes;
		else if (!t->in_use(t->arg, &one->image))
			r = drop_image(v->store, &one->image, &t->gone, err);
	}
	for (size_t i = 0; !r && i < v->held_count; i++)
		r = evict_slots(v, chosen, v->held[i], err);
	return r;
}

static int trim(struct store *s, struct cache_trim *t, uint64_t bytes, struct err *err)
{
	struct victims v = {.store = s};
	int r = reach_open(s, &v.stays, err);

	if (!r)
		r = add_leased(s, v.stays, err);
	if (!r)
		r = held_each(s, add_held, &v, err);
	if (!r && t->in_use)
		r = add_images(&v, err);
	if (!r) {
		qsort(v.list, v.count, sizeof(*v.list), by_use);
		r = take_away(&v, t, bytes, err);
	}
	victims_clear(&v);
	return r;
}

/* One process at a time. A trim that asks whether images are in use does not take this lock. */
static int lock_partial(struct store *s, int *fd, struct err *err)
{
	*fd = io_open(store_dirfd(s), "partial", O_RDONLY | O_DIRECTORY, 0, err);
	if (*fd < 0)
		return *fd == -ENOENT ? 0 : *fd;
	return flock(*fd, LOCK_EX) < 0 ? err_sys(err, "lock partial/") : 0;
}

int cache_trim(struct store *s, struct cache_trim *t, struct err *err)
{
	struct cache_size *size = &t->before;
	autoclose int lock = -1;
	int r = store_writable(s, err);

	assert(t->down_to <= t->most);
	t->gone = 0;
	*size = (struct cache_size){0};
	if (!r && !t->in_use)
		r = lock_partial(s, &lock, err);
	if (!r)
		r = t->in_use ? cache_measure(s, size, err)
			      : cache_measure_held(s, &size->held, err);
	if (!r && size->held + size->whole > t->most)
		r = trim(s, t, size->held + size->whole - t->down_to, err);
	if (lock >= 0)
		flock(lock, LOCK_UN); /* a child before its exec may hold it, too */
	return r;
}

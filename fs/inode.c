/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include "fs/view.h"
#include "fs/vnode.h"
#include "store/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096u /* entries of a chunk; chunks are never moved, so that reading needs no lock   \
		     */
#define CHUNKS_MAX 4096u

typedef _Atomic(void *) entry_t;

/* Numbers to pointers, and paths to pointers. Changed under the lock of the inode table. */
struct table {
	_Atomic(entry_t *) chunks[CHUNKS_MAX];
	uint32_t next;	/* never used so far */
	uint32_t *free; /* numbers to use again, a stack */
	size_t free_count, free_cap;
	struct map *by_path;
	uint64_t live;
};

struct inodes {
	pthread_mutex_t lock;
	struct table vnodes, views;
	uint64_t lookups;
};

static void *table_get(struct table *t, uint32_t id)
{
	entry_t *chunk;

	if (id / CHUNK >= CHUNKS_MAX)
		return NULL;
	chunk = atomic_load_explicit(&t->chunks[id / CHUNK], memory_order_acquire);
	return chunk ? atomic_load_explicit(&chunk[id % CHUNK], memory_order_acquire) : NULL;
}

/* A number for p, or 0: none left. */
static uint32_t table_put(struct table *t, void *p)
{
	uint32_t id = t->free_count ? t->free[--t->free_count] : t->next;
	entry_t *chunk;

	if (id / CHUNK >= CHUNKS_MAX)
		return 0;
	chunk = atomic_load_explicit(&t->chunks[id / CHUNK], memory_order_relaxed);
	if (!chunk) {
		chunk = calloc(CHUNK, sizeof(*chunk));
		if (!chunk)
			return 0;
		atomic_store_explicit(&t->chunks[id / CHUNK], chunk, memory_order_release);
	}
	atomic_store_explicit(&chunk[id % CHUNK], p, memory_order_release);
	if (id == t->next)
		t->next++;
	t->live++;
	return id;
}

static void table_drop(struct table *t, uint32_t id)
{
	entry_t *chunk = atomic_load_explicit(&t->chunks[id / CHUNK], memory_order_relaxed);

	atomic_store_explicit(&chunk[id % CHUNK], NULL, memory_order_release);
	t->live--;
	if (t->free_count == t->free_cap) {
		size_t cap = t->free_cap ? 2 * t->free_cap : 64;
		uint32_t *more = realloc(t->free, cap * sizeof(*more));

		if (!more)
			return; /* the number is lost, nothing else */
		t->free = more;
		t->free_cap = cap;
	}
	t->free[t->free_count++] = id;
}

static void table_close(struct table *t)
{
	for (uint32_t i = 0; i < CHUNKS_MAX; i++)
		free(atomic_load_explicit(&t->chunks[i], memory_order_relaxed));
	free(t->free);
	map_free(t->by_path);
}

int inodes_open(struct inodes **out, struct err *err)
{
	struct inodes *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	t->vnodes.next = INODE_ROOT;
	t->views.next = 1;
	t->vnodes.by_path = map_new();
	t->views.by_path = map_new();
	if (!t->vnodes.by_path || !t->views.by_path) {
		inodes_close(t);
		return err_nomem(err);
	}
	*out = t;
	return 0;
}

void inodes_close(struct inodes *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->vnodes.next; i++)
		vnode_free(table_get(&t->vnodes, i));
	for (uint32_t i = 0; i < t->views.next; i++)
		view_free(table_get(&t->views, i));
	table_close(&t->vnodes);
	table_close(&t->views);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct vnode *inode_vnode(struct inodes *t, uint64_t ino)
{
	return ino >> 32 ? NULL : table_get(&t->vnodes, (uint32_t)ino);
}

struct view *inode_view(struct inodes *t, uint64_t ino, uint32_t *node)
{
	*node = (uint32_t)ino;
	return ino >> 32 ? table_get(&t->views, (uint32_t)(ino >> 32)) : NULL;
}

struct vnode *inodes_find(struct inodes *t, const char *path)
{
	struct vnode *v;

	pthread_mutex_lock(&t->lock);
	v = map_get(t->vnodes.by_path, path, strlen(path));
	if (v) {
		v->lookups++;
		t->lookups++;
	}
	pthread_mutex_unlock(&t->lock);
	return v;
}

struct view *inodes_find_view(struct inodes *t, const char *path)
{
	struct view *w;

	pthread_mutex_lock(&t->lock);
	w = map_get(t->views.by_path, path, strlen(path));
	if (w) {
		w->lookups++;
		t->lookups++;
	}
	pthread_mutex_unlock(&t->lock);
	return w;
}

/* Gives p a number in the table, and its path if it has one: the number, or 0. */
static uint32_t enter(struct table *t, const char *path, void *p)
{
	uint32_t id = table_put(t, p);

	if (id && path && map_put(t->by_path, path, strlen(path), p) < 0) {
		table_drop(t, id);
		id = 0;
	}
	return id;
}

struct vnode *inodes_add(struct inodes *t, struct vnode *v)
{
	struct vnode *there = NULL;

	pthread_mutex_lock(&t->lock);
	if (v->path)
		there = map_get(t->vnodes.by_path, v->path, strlen(v->path));
	if (!there) {
		v->ino = enter(&t->vnodes, v->path, v);
		if (v->ino) {
			there = v;
			v = NULL;
		}
	}
	if (there) {
		there->lookups++;
		t->lookups++;
	}
	pthread_mutex_unlock(&t->lock);
	vnode_free(v);
	return there;
}

struct view *inodes_add_view(struct inodes *t, struct view *w)
{
	struct view *there;

	pthread_mutex_lock(&t->lock);
	there = map_get(t->views.by_path, w->path, strlen(w->path));
	if (!there) {
		w->slot = enter(&t->views, w->path, w);
		if (w->slot) {
			there = w;
			w = NULL;
		}
	}
	if (there) {
		there->lookups++;
		t->lookups++;
	}
	pthread_mutex_unlock(&t->lock);
	view_free(w);
	return there;
}

void inodes_count_lookups(struct inodes *t, uint64_t ino, uint64_t n)
{
	uint32_t node;
	struct vnode *v;
	struct view *w;

	pthread_mutex_lock(&t->lock);
	v = inode_vnode(t, ino);
	w = inode_view(t, ino, &node);
	if (v)
		v->lookups += n;
	else if (w)
		w->lookups += n;
	t->lookups += n;
	pthread_mutex_unlock(&t->lock);
}

void inodes_forget(struct inodes *t, uint64_t ino, uint64_t n)
{
	struct vnode *v, *dead_vnode = NULL;
	struct view *w, *dead_view = NULL;
	uint32_t node;

	if (ino == INODE_ROOT)
		return;
	pthread_mutex_lock(&t->lock);
	v = inode_vnode(t, ino);
	w = inode_view(t, ino, &node);
	t->lookups -= n;
	if (v && (v->lookups -= n) == 0) {
		if (v->path)
			map_remove(t->vnodes.by_path, v->path, strlen(v->path));
		table_drop(&t->vnodes, (uint32_t)ino);
		dead_vnode = v;
	} else if (w && (w->lookups -= n) == 0) {
		map_remove(t->views.by_path, w->path, strlen(w->path));
		table_drop(&t->views, w->slot);
		dead_view = w;
	}
	pthread_mutex_unlock(&t->lock);
	vnode_free(dead_vnode);
	view_free(dead_view);
}

void inodes_count(struct inodes *t, struct inodes_counts *out)
{
	pthread_mutex_lock(&t->lock);
	*out = (struct inodes_counts){t->vnodes.live, t->views.live, t->lookups};
	pthread_mutex_unlock(&t->lock);
}

/* SPDX-License-Identifier: MIT */
#include "fs/core/inode.h"

#include "store/base/buf.h"
#include "store/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* entries of a chunk; chunks are never moved, so that reading needs no lock */
#define CHUNK	   4096u
#define CHUNKS_MAX 4096u

typedef _Atomic(void *) entry_t;

/* Numbers to pointers, and paths to pointers. Changed under the lock of the inode table. */
struct slot_table {
	_Atomic(entry_t *) chunks[CHUNKS_MAX];
	uint32_t next;	/* never used so far */
	uint32_t *free; /* numbers to use again, a stack */
	size_t free_count, free_cap;
	struct map *by_path;
	uint64_t live;
};

static_assert(INODE_VNODE == 0 && INODE_VIEW == 1, "the numbers of two tables");

struct inodes {
	pthread_mutex_t lock;
	struct slot_table tables[2]; /* by enum inode_table */
	uint64_t lookups;
};

static void *table_get(struct slot_table *t, uint32_t id)
{
	entry_t *chunk;

	if (id / CHUNK >= CHUNKS_MAX)
		return NULL;
	chunk = atomic_load_explicit(&t->chunks[id / CHUNK], memory_order_acquire);
	return chunk ? atomic_load_explicit(&chunk[id % CHUNK], memory_order_acquire) : NULL;
}

/* A number for p, or 0: none left. */
static uint32_t table_put(struct slot_table *t, void *p)
{
	uint32_t id = t->free_count ? t->free[--t->free_count] : t->next;
	entry_t *chunk;

	assert(id > 0 && id <= t->next);
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

static void table_drop(struct slot_table *t, uint32_t id)
{
	entry_t *chunk = atomic_load_explicit(&t->chunks[id / CHUNK], memory_order_relaxed);

	assert(chunk && t->live > 0);
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

static void table_close(struct slot_table *t)
{
	for (uint32_t i = 0; i < CHUNKS_MAX; i++)
		free(atomic_load_explicit(&t->chunks[i], memory_order_relaxed));
	free(t->free);
	map_free(t->by_path);
}

int inodes_open(struct inodes **out, struct err *err)
{
	struct inodes *t = calloc(1, sizeof(*t));
	bool failed = false;

	if (!t)
		return err_nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	for (int i = 0; i < 2; i++) {
		t->tables[i].next = 1; /* the root's number, and the first slot */
		t->tables[i].by_path = map_new();
		failed |= !t->tables[i].by_path;
	}
	if (failed) {
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
	for (int which = 0; which < 2; which++) {
		for (uint32_t i = 0; i < t->tables[which].next; i++) {
			struct inode *inode = table_get(&t->tables[which], i);

			if (inode)
				inode->free(inode);
		}
		table_close(&t->tables[which]);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Which table an inode number belongs to, and the number in it. */
static struct slot_table *table_of(struct inodes *t, uint64_t ino, uint32_t *number)
{
	*number = ino >> 32 ? (uint32_t)(ino >> 32) : (uint32_t)ino;
	return &t->tables[ino >> 32 ? INODE_VIEW : INODE_VNODE];
}

struct inode *inodes_get(struct inodes *t, enum inode_table which, uint64_t ino)
{
	uint32_t number;
	struct slot_table *table = table_of(t, ino, &number);

	return table == &t->tables[which] ? table_get(table, number) : NULL;
}

static bool is_view_root(uint64_t ino)
{
	return ino >> 32 && (uint32_t)ino == INODE_VIEW_ROOT;
}

static struct inode *find_locked(struct inodes *t, enum inode_table which, const char *path)
{
	return map_get(t->tables[which].by_path, path, strlen(path));
}

static void count_locked(struct inodes *t, struct inode *i, bool root, uint64_t n)
{
	if (!i)
		return;
	i->lookups += n;
	i->root_lookups += root ? n : 0;
	t->lookups += n;
}

struct inode *inodes_find(struct inodes *t, enum inode_table which, const char *path)
{
	struct inode *i;

	pthread_mutex_lock(&t->lock);
	i = find_locked(t, which, path);
	count_locked(t, i, which == INODE_VIEW, 1);
	pthread_mutex_unlock(&t->lock);
	return i;
}

/* Gives an inode its number in the table, and its path if it is shared; false: out of memory or
 * numbers. */
static bool inode_enter(struct slot_table *t, struct inode *i)
{
	i->number = table_put(t, i);
	if (i->number && !i->own && map_put(t->by_path, i->path, strlen(i->path), i) < 0) {
		table_drop(t, i->number);
		i->number = 0;
	}
	return i->number != 0;
}

struct inode *inodes_add(struct inodes *t, enum inode_table which, struct inode *i)
{
	struct inode *shared;

	pthread_mutex_lock(&t->lock);
	assert(!i->number && !i->holds);
	shared = i->own ? NULL : find_locked(t, which, i->path);
	i->which = which;
	if (!shared && inode_enter(&t->tables[which], i))
		shared = i;
	count_locked(t, shared, which == INODE_VIEW, 1);
	pthread_mutex_unlock(&t->lock);
	if (shared != i)
		i->free(i);
	return shared;
}

void inodes_count_lookups(struct inodes *t, uint64_t ino, uint64_t n)
{
	uint32_t number;
	struct slot_table *table = table_of(t, ino, &number);

	pthread_mutex_lock(&t->lock);
	count_locked(t, table_get(table, number), is_view_root(ino), n);
	pthread_mutex_unlock(&t->lock);
}

/* Takes an inode that nobody wants any more out of its table; to be freed without the lock. */
static struct inode *take_unwanted(struct slot_table *table, struct inode *i)
{
	if (!i || i->lookups > 0 || i->holds > 0)
		return NULL;
	if (!i->own)
		map_remove(table->by_path, i->path, strlen(i->path));
	assert(table_get(table, i->number) == i);
	table_drop(table, i->number);
	return i;
}

void inodes_forget(struct inodes *t, uint64_t ino, uint64_t n)
{
	uint32_t number;
	struct slot_table *table = table_of(t, ino, &number);
	struct inode *i;

	if (ino == INODE_ROOT)
		return;
	pthread_mutex_lock(&t->lock);
	i = table_get(table, number);
	if (i) {
		assert(i->lookups >= n && t->lookups >= n);
		assert(!is_view_root(ino) || i->root_lookups >= n);
		i->lookups -= n;
		i->root_lookups -= is_view_root(ino) ? n : 0;
		t->lookups -= n;
	}
	i = take_unwanted(table, i);
	pthread_mutex_unlock(&t->lock);
	if (i)
		i->free(i);
}

struct inode *inodes_hold(struct inodes *t, uint64_t ino)
{
	uint32_t number;
	struct slot_table *table = table_of(t, ino, &number);
	struct inode *i;

	pthread_mutex_lock(&t->lock);
	i = table_get(table, number);
	if (i)
		i->holds++;
	pthread_mutex_unlock(&t->lock);
	return i;
}

void inodes_let_go(struct inodes *t, struct inode *i)
{
	if (!i)
		return;
	pthread_mutex_lock(&t->lock);
	assert(i->holds > 0);
	i->holds--;
	i = take_unwanted(&t->tables[i->which], i);
	pthread_mutex_unlock(&t->lock);
	if (i)
		i->free(i);
}

uint64_t inodes_number(struct inodes *t, enum inode_table which, const char *path)
{
	const struct inode *i;
	uint64_t number = 0;

	pthread_mutex_lock(&t->lock);
	i = find_locked(t, which, path);
	if (i)
		number =
		    which == INODE_VIEW ? (uint64_t)i->number << 32 | INODE_VIEW_ROOT : i->number;
	pthread_mutex_unlock(&t->lock);
	return number;
}

static bool is_at_or_below(const struct inode *i, const char *path)
{
	size_t len = strlen(path);

	return !strncmp(i->path, path, len) && (i->path[len] == '\0' || i->path[len] == '/');
}

uint64_t inodes_held(struct inodes *t, const char *path, enum inodes_what what)
{
	uint64_t held = 0;

	pthread_mutex_lock(&t->lock);
	for (int which = what == INODES_ALL ? INODE_VNODE : INODE_VIEW; which < 2; which++) {
		const void *key;
		void *value;
		size_t iter = 0, len;

		while (map_next(t->tables[which].by_path, &iter, &key, &len, &value)) {
			const struct inode *i = value;

			if (is_at_or_below(i, path))
				held += i->lookups - (what == INODES_ALL ? 0 : i->root_lookups);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return held;
}

/* Each is held until it has been visited. */
void inodes_each_view(struct inodes *t, const char *path,
		      void (*each)(void *arg, struct inode *view), void *arg)
{
	struct slot_table *views = &t->tables[INODE_VIEW];
	struct inode **found;
	size_t count = 0, iter = 0, len;
	const void *key;
	void *value;

	pthread_mutex_lock(&t->lock);
	found = calloc(views->live + 1, sizeof(*found));
	while (found && map_next(views->by_path, &iter, &key, &len, &value))
		if (is_at_or_below(value, path)) {
			assert(count < views->live);
			found[count++] = value;
			found[count - 1]->holds++;
		}
	pthread_mutex_unlock(&t->lock);
	for (size_t i = 0; i < count; i++) {
		each(arg, found[i]);
		inodes_let_go(t, found[i]);
	}
	free(found);
}

/* The paths, as they are now, one behind the other. */
static void collect_paths(struct inodes *t, const char *path, bool open, struct buf *out)
{
	pthread_mutex_lock(&t->lock);
	for (int which = 0; which < 2; which++)
		for (uint32_t n = 0; n < t->tables[which].next; n++) {
			const struct inode *i = table_get(&t->tables[which], n);

			if (i && (open ? i->keeps_open : !i->own) && is_at_or_below(i, path) &&
			    strcmp(i->path, path) != 0)
				buf_append(out, i->path, strlen(i->path) + 1);
		}
	pthread_mutex_unlock(&t->lock);
}

static void each_path(struct inodes *t, const char *path, bool open,
		      void (*each)(void *arg, const char *path), void *arg)
{
	autobuf paths = BUF_INIT;

	collect_paths(t, path, open, &paths);
	for (size_t at = 0; !buf_failed(&paths) && at < paths.len;
	     at += strlen(paths.data + at) + 1)
		each(arg, paths.data + at);
}

void inodes_each_path(struct inodes *t, const char *path, void (*each)(void *arg, const char *path),
		      void *arg)
{
	each_path(t, path, false, each, arg);
}

void inodes_each_open_path(struct inodes *t, const char *path,
			   void (*each)(void *arg, const char *path), void *arg)
{
	each_path(t, path, true, each, arg);
}

void inodes_count(struct inodes *t, struct inodes_counts *out)
{
	pthread_mutex_lock(&t->lock);
	*out = (struct inodes_counts){t->tables[INODE_VNODE].live, t->tables[INODE_VIEW].live,
				      t->lookups};
	pthread_mutex_unlock(&t->lock);
}

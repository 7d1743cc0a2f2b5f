/* SPDX-License-Identifier: MIT */
#include "store/disk/held_private.h"

#include "store/base/clock.h"
#include "store/base/io.h"
#include "store/disk/store_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define HELD_OPEN_TRIES 100

/* Manifests may say several sizes of one blob. */
const char *held_path(const struct digest *digest, uint64_t size, const char *suffix,
		      char path[static HELD_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, HELD_PATH_MAX, "partial/%s.%" PRIu64 "%s", digest_hex(digest, hex), size,
		 suffix);
	return path;
}

bool held_is_linked(const struct held *h, const char *suffix, int fd)
{
	char path[HELD_PATH_MAX];
	struct stat named, open;

	return fstat(fd, &open) == 0 &&
	       fstatat(store_dirfd(h->store), held_path(&h->digest, h->size, suffix, path), &named,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

/* ---- open and close ---- */

static void close_files(struct held *h)
{
	if (h->map.fd >= 0) {
		flock(h->map.fd, LOCK_UN); /* a child before its exec may hold it, too */
		close(h->map.fd);
	}
	if (h->fd >= 0)
		close(h->fd);
	h->fd = h->map.fd = -1;
	h->map.read = 0;
}

static void free_held(struct held *h)
{
	if (!h)
		return;
	/* A program that ends does not wait for the disk. */
	if (h->map.fd >= 0 && !atomic_load(&h->store->ending))
		held_sync(h, NULL);
	ranges_clear(&h->fresh);
	close_files(h);
	ranges_clear(&h->ranges);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->sync_lock);
	pthread_rwlock_destroy(&h->places);
	free(h->used);
	free(h);
}
DEFINE_AUTO(struct held, free_held)

static bool has_size(const struct held *h)
{
	struct stat st;

	return fstat(h->fd, &st) == 0 && (uint64_t)st.st_size == h->size;
}

/* Nobody else has them: they are put in order, or begun. The map first, so that it never names what is
 * not there. */
static int order_files(struct held *h, struct err *err)
{
	bool names = held_map_is_good(&h->map);
	int r;

	if (names && has_size(h))
		return held_map_order(&h->map, &h->ranges, err);
	r = held_map_begin(&h->map, err);
	if (!r && names && fdatasync(h->map.fd) < 0)
		r = err_sys(err, "fsync of the map of a blob");
	if (!r && (ftruncate(h->fd, 0) < 0 || ftruncate(h->fd, (off_t)h->size) < 0))
		r = err_sys(err, "truncate what is held of a blob");
	return r;
}

/* One try: -EAGAIN where it was removed, or is being put in order, meanwhile. */
static int open_files(struct held *h, int create, struct err *err)
{
	char path[HELD_PATH_MAX];
	int dirfd = store_dirfd(h->store), r;

	h->map.fd = io_open(dirfd, held_path(&h->digest, h->size, HELD_MAP_SUFFIX, path),
			    O_RDWR | O_APPEND | create, 0600, err);
	if (h->map.fd < 0)
		return h->map.fd;
	if (flock(h->map.fd, LOCK_EX | LOCK_NB) == 0) {
		h->fd = io_open(dirfd, held_path(&h->digest, h->size, HELD_SUFFIX, path),
				O_RDWR | O_CREAT, 0600, err);
		r = h->fd < 0 ? h->fd : order_files(h, err);
		if (r)
			return r;
	}
	if (flock(h->map.fd, LOCK_SH | LOCK_NB) < 0)
		return -EAGAIN;
	if (h->fd < 0)
		h->fd = io_open(dirfd, held_path(&h->digest, h->size, HELD_SUFFIX, path), O_RDWR,
				0600, NULL);
	if (h->fd < 0 || !held_is_linked(h, HELD_MAP_SUFFIX, h->map.fd) ||
	    !held_is_linked(h, HELD_SUFFIX, h->fd) || !held_map_is_good(&h->map) || !has_size(h))
		return -EAGAIN;
	return held_map_read(&h->map, &h->ranges, NULL, err);
}

/* Under the store's held_lock. One that has lost its name is for those alone who have it. */
static struct held *find_open(struct store *s, const struct digest *digest, uint64_t size)
{
	for (struct held *h = s->held; h; h = h->next)
		if (h->size == size && digest_equal(&h->digest, digest) &&
		    held_is_linked(h, HELD_SUFFIX, h->fd))
			return h;
	return NULL;
}

/* One handle for all threads of the process: what one has written, the others see at once. Another
 * thread may have been faster than `fresh`, which is given back then. */
static struct held *share(struct store *s, const struct digest *digest, uint64_t size,
			  struct held **fresh)
{
	struct held *h;

	pthread_mutex_lock(&s->held_lock);
	h = find_open(s, digest, size);
	if (!h && *fresh) {
		h = steal(fresh);
		h->next = s->held;
		s->held = h;
	}
	if (h)
		h->users++;
	pthread_mutex_unlock(&s->held_lock);
	return h;
}

static struct held *new_held(struct store *s, const struct digest *digest, uint64_t size)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	*h = (struct held){
	    .store = s, .digest = *digest, .size = size, .fd = -1, .map = {-1, size, 0}};
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->sync_lock, NULL);
	pthread_rwlock_init(&h->places, NULL);
	h->used = calloc(size / HELD_SLOT + 1, sizeof(*h->used));
	if (h->used)
		return h;
	free_held(h);
	return NULL;
}

/* What is known of its use: when the file was used the last time. */
static void note_use(struct held *h)
{
	struct stat st;
	int64_t ms;

	if (fstat(h->fd, &st) < 0)
		return;
	ms = clock_ms_of(st.st_atim);
	for (uint64_t slot = 0; slot <= h->size / HELD_SLOT; slot++)
		atomic_store_explicit(&h->used[slot], ms, memory_order_relaxed);
	atomic_store(&h->touched, ms);
}

static int open_held(struct store *s, const struct digest *digest, uint64_t size, int create,
		     struct held **out, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = 10000000};
	AUTO(free_held) struct held *h = NULL;
	int r = store_writable(s, err);

	*out = r ? NULL : share(s, digest, size, &h);
	if (r || *out)
		return r;
	h = new_held(s, digest, size);
	if (!h)
		return err_nomem(err);
	if (create)
		r = io_mkdirs(store_dirfd(s), "partial", 0700, err);
	if (r)
		return r;
	for (int tries = 0; tries < HELD_OPEN_TRIES; tries++) {
		r = open_files(h, create, err);
		if (r != -EAGAIN)
			break;
		close_files(h);
		ranges_clear(&h->ranges);
		nanosleep(&pause, NULL);
	}
	if (!r) {
		note_use(h);
		*out = share(s, digest, size, &h);
	}
	return r;
}

int held_open(struct store *s, const struct digest *digest, uint64_t size, struct held **out,
	      struct err *err)
{
	return open_held(s, digest, size, O_CREAT, out, err);
}

int held_open_existing(struct store *s, const struct digest *digest, uint64_t size,
		       struct held **out, struct err *err)
{
	return open_held(s, digest, size, 0, out, err);
}

void held_close(struct held *h)
{
	struct held **at;

	if (!h)
		return;
	pthread_mutex_lock(&h->store->held_lock);
	assert(h->users > 0);
	if (--h->users > 0) {
		pthread_mutex_unlock(&h->store->held_lock);
		return;
	}
	for (at = &h->store->held; *at != h; at = &(*at)->next)
		;
	*at = h->next;
	pthread_mutex_unlock(&h->store->held_lock);
	free_held(h);
}

int held_publish(struct held *h, struct cancel *cancel, struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	struct byte_range all = {0, h->size};
	char path[HELD_PATH_MAX];
	int r;

	if (held_missing(h, &all))
		return err_set(err, ENODATA, "bytes from %" PRIu64 " of the blob are not here",
			       all.first);
	r = held_sync(h, err);
	if (!r)
		r = blob_verify_file(h->fd, &h->digest, cancel, err);
	if (r == -EBADMSG)
		held_drop(h, (struct byte_range){0, h->size}, NULL);
	if (!r)
		r = store_lock(h->store, &lock, err); /* prune may not remove it now */
	if (!r && !held_is_linked(h, HELD_SUFFIX, h->fd))
		r = err_set(err, ESTALE, "what was held of the blob was removed");
	if (!r)
		r = blob_adopt_path(h->store, h->fd,
				    held_path(&h->digest, h->size, HELD_SUFFIX, path), &h->digest,
				    err);
	if (!r)
		unlinkat(store_dirfd(h->store),
			 held_path(&h->digest, h->size, HELD_MAP_SUFFIX, path), 0);
	return r;
}

bool held_remove(struct store *s, const struct digest *digest, uint64_t size)
{
	char path[HELD_PATH_MAX];
	bool file, map;

	if (store_writable(s, NULL) < 0)
		return false;
	map = unlinkat(store_dirfd(s), held_path(digest, size, HELD_MAP_SUFFIX, path), 0) == 0;
	file = unlinkat(store_dirfd(s), held_path(digest, size, HELD_SUFFIX, path), 0) == 0;
	return file || map;
}

bool held_map_is_alone(int dirfd, const char *name)
{
	const char *suffix = strrchr(name, '.');
	char file[NAME_MAX + sizeof(HELD_SUFFIX)];
	struct stat st;

	if (!suffix || strcmp(suffix, HELD_MAP_SUFFIX) != 0)
		return false;
	snprintf(file, sizeof(file), "%.*s" HELD_SUFFIX, (int)(suffix - name), name);
	return fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

struct held_list {
	held_visit each;
	void *arg;
};

/* Of a file HEX.SIZE.held: its size is the blob's, too. */
static int list_held(void *arg, int dirfd, const char *name, struct err *err)
{
	const struct held_list *l = arg;
	const char *suffix = strrchr(name, '.');
	struct digest digest;
	struct stat st;

	if (!suffix || strcmp(suffix, HELD_SUFFIX) != 0 || !digest_parse_name(name, &digest) ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return l->each(l->arg, &digest, (uint64_t)st.st_size, (uint64_t)st.st_blocks * 512, err);
}

int held_each(struct store *s, held_visit each, void *arg, struct err *err)
{
	struct held_list l = {each, arg};

	return io_each_file(store_dirfd(s), "partial", list_held, &l, err);
}

uint64_t held_on_disk(struct store *s, const struct digest *digest, uint64_t size)
{
	char path[HELD_PATH_MAX];
	struct stat st;

	return fstatat(store_dirfd(s), held_path(digest, size, HELD_SUFFIX, path), &st,
		       AT_SYMLINK_NOFOLLOW) == 0
		   ? (uint64_t)st.st_blocks * 512
		   : 0;
}

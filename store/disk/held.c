/* SPDX-License-Identifier: MIT */
#include "store/disk/held.h"

#include "store/base/clock.h"
#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/disk/held_map.h"
#include "store/disk/store_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define HELD_PATH_MAX	(BLOB_PATH_MAX + 16)
#define HELD_SYNC_LEN	(8u << 20) /* bytes that may wait for a sync */
#define HELD_SYNC_MS	1000	   /* how long they may, while more comes */
#define HELD_OPEN_TRIES 100

struct held {
	struct store *store; /* borrowed */
	struct held *next;   /* of those that are open, and */
	unsigned users;	     /* by how many: under the store's held_lock */
	struct digest digest;
	uint64_t size;
	int fd;			   /* owned, as map.fd */
	pthread_mutex_t sync_lock; /* one sync at a time; taken before `lock` */
	pthread_mutex_t lock;	   /* of all below */
	struct ranges ranges;	   /* what is here */
	struct ranges fresh;	   /* of it, what nobody has synced */
	struct ranges syncing;	   /* what is being synced, or waits for its record in the map */
	int64_t fresh_ms;	   /* when the first of `fresh` came */
	struct held_map map;	   /* what was read of it is in `ranges` */
};

static const char *held_path(const struct digest *digest, const char *suffix,
			     char path[static HELD_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, HELD_PATH_MAX, "partial/%s%s", digest_hex(digest, hex), suffix);
	return path;
}

/* Under the lock. Bytes of which it is not known that they can be read. */
static void forget_range(struct held *h, struct byte_range r)
{
	if (ranges_remove(&h->ranges, r, NULL) < 0)
		ranges_clear(&h->ranges);
}

/* Under the lock: the map names what was synced. Else that may be lost, and is fetched again. */
static int record_synced(struct held *h, int synced, struct err *err)
{
	int r = synced;

	for (size_t i = 0; i < h->syncing.count; i++) {
		if (!r)
			r = held_map_add(&h->map, HELD_MAP_ADDED, h->syncing.list[i], err);
		if (r)
			forget_range(h, h->syncing.list[i]);
	}
	ranges_clear(&h->syncing);
	return r;
}

/* The file has its name still: a prune has not removed it. */
static bool held_is_linked(const struct held *h, const char *suffix, int fd)
{
	char path[HELD_PATH_MAX];
	struct stat named, open;

	return fstat(fd, &open) == 0 &&
	       fstatat(store_dirfd(h->store), held_path(&h->digest, suffix, path), &named,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

int held_sync(struct held *h, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&h->sync_lock);
	pthread_mutex_lock(&h->lock);
	assert(h->syncing.count == 0);
	h->syncing = h->fresh;
	h->fresh = (struct ranges)RANGES_INIT;
	pthread_mutex_unlock(&h->lock);
	if (h->syncing.count > 0 && fdatasync(h->fd) < 0)
		r = err_sys(err, "fsync of what is held of a blob");
	pthread_mutex_lock(&h->lock);
	r = record_synced(h, r, err);
	pthread_mutex_unlock(&h->lock);
	pthread_mutex_unlock(&h->sync_lock);
	return r;
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
	free(h);
}
DEFINE_AUTO(struct held, free_held)

static bool has_size(const struct held *h)
{
	struct stat st;

	return fstat(h->fd, &st) == 0 && (uint64_t)st.st_size == h->size;
}

/* Nobody else has them: they are put in order, or begun. */
static int order_files(struct held *h, struct err *err)
{
	if (held_map_is_good(&h->map) && has_size(h))
		return held_map_order(&h->map, &h->ranges, err);
	if (ftruncate(h->fd, 0) < 0 || ftruncate(h->fd, (off_t)h->size) < 0)
		return err_sys(err, "truncate what is held of a blob");
	return held_map_begin(&h->map, err);
}

/* One try: -EAGAIN where it was removed, or is being put in order, meanwhile. */
static int open_files(struct held *h, int create, struct err *err)
{
	char path[HELD_PATH_MAX];
	int dirfd = store_dirfd(h->store), r;

	h->map.fd = io_open(dirfd, held_path(&h->digest, HELD_MAP_SUFFIX, path),
			    O_RDWR | O_APPEND | create, 0600, err);
	if (h->map.fd < 0)
		return h->map.fd;
	if (flock(h->map.fd, LOCK_EX | LOCK_NB) == 0) {
		h->fd = io_open(dirfd, held_path(&h->digest, HELD_SUFFIX, path), O_RDWR | O_CREAT,
				0600, err);
		r = h->fd < 0 ? h->fd : order_files(h, err);
		if (r)
			return r;
	}
	if (flock(h->map.fd, LOCK_SH | LOCK_NB) < 0)
		return -EAGAIN;
	if (h->fd < 0)
		h->fd =
		    io_open(dirfd, held_path(&h->digest, HELD_SUFFIX, path), O_RDWR, 0600, NULL);
	if (h->fd < 0 || !held_is_linked(h, HELD_MAP_SUFFIX, h->map.fd) ||
	    !held_is_linked(h, HELD_SUFFIX, h->fd) || !held_map_is_good(&h->map) || !has_size(h))
		return -EAGAIN;
	return held_map_read(&h->map, &h->ranges, err);
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

static int open_held(struct store *s, const struct digest *digest, uint64_t size, int create,
		     struct held **out, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = 10000000};
	AUTO(free_held) struct held *h = NULL;
	int r = store_writable(s, err);

	*out = r ? NULL : share(s, digest, size, &h);
	if (r || *out)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_nomem(err);
	*h = (struct held){
	    .store = s, .digest = *digest, .size = size, .fd = -1, .map = {-1, size, 0}};
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->sync_lock, NULL);
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
	if (!r)
		*out = share(s, digest, size, &h);
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

/* ---- what is here ---- */

uint64_t held_size(const struct held *h)
{
	return h->size;
}

int held_fd(const struct held *h)
{
	return h->fd;
}

uint64_t held_bytes(struct held *h)
{
	uint64_t n;

	pthread_mutex_lock(&h->lock);
	n = ranges_bytes(&h->ranges);
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* Under the lock: what others have fetched. Their records may be older than what is ours. */
static int look_at_others(struct held *h)
{
	int r = held_map_read(&h->map, &h->ranges, NULL);

	for (size_t i = 0; !r && i < h->syncing.count; i++)
		r = ranges_add(&h->ranges, h->syncing.list[i], NULL);
	for (size_t i = 0; !r && i < h->fresh.count; i++)
		r = ranges_add(&h->ranges, h->fresh.list[i], NULL);
	return r;
}

bool held_missing(struct held *h, struct byte_range *r)
{
	struct byte_range asked = *r;
	bool missing;

	pthread_mutex_lock(&h->lock);
	missing = ranges_missing(&h->ranges, r);
	if (missing && look_at_others(h) == 0) {
		*r = asked;
		missing = ranges_missing(&h->ranges, r);
	}
	pthread_mutex_unlock(&h->lock);
	return missing;
}

int held_write(struct held *h, const void *data, size_t len, uint64_t offset, struct err *err)
{
	struct byte_range range = {offset, offset + len};
	bool due = false;
	int r;

	assert(range.end <= h->size);
	r = io_pwrite_all(h->fd, data, len, (off_t)offset, err);
	if (r)
		return r;
	pthread_mutex_lock(&h->lock);
	if (h->fresh.count == 0)
		h->fresh_ms = clock_ms();
	r = ranges_add(&h->fresh, range, err);
	if (!r)
		r = ranges_add(&h->ranges, range, err);
	sync_file_range(h->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
	due = ranges_bytes(&h->fresh) >= HELD_SYNC_LEN || clock_ms() - h->fresh_ms >= HELD_SYNC_MS;
	pthread_mutex_unlock(&h->lock);
	return !r && due ? held_sync(h, err) : r;
}

int held_drop(struct held *h, struct byte_range r, struct err *err)
{
	int failed;

	if (!held_is_linked(h, HELD_SUFFIX, h->fd))
		return 0;
	pthread_mutex_lock(&h->lock);
	forget_range(h, r);
	failed = ranges_remove(&h->fresh, r, err);
	if (!failed)
		failed = ranges_remove(&h->syncing, r, err);
	fallocate(h->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)r.first,
		  (off_t)(r.end - r.first)); /* where the disk can */
	if (!failed)
		failed = held_map_add(&h->map, HELD_MAP_DROPPED, r, err);
	pthread_mutex_unlock(&h->lock);
	return failed;
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
		r = blob_adopt_path(h->store, h->fd, held_path(&h->digest, HELD_SUFFIX, path),
				    &h->digest, err);
	if (!r)
		unlinkat(store_dirfd(h->store), held_path(&h->digest, HELD_MAP_SUFFIX, path), 0);
	return r;
}

bool held_remove(struct store *s, const struct digest *digest)
{
	char path[HELD_PATH_MAX];
	bool file, map;

	if (store_writable(s, NULL) < 0)
		return false;
	map = unlinkat(store_dirfd(s), held_path(digest, HELD_MAP_SUFFIX, path), 0) == 0;
	file = unlinkat(store_dirfd(s), held_path(digest, HELD_SUFFIX, path), 0) == 0;
	return file || map;
}

uint64_t held_on_disk(struct store *s, const struct digest *digest)
{
	char path[HELD_PATH_MAX];
	struct stat st;

	return fstatat(store_dirfd(s), held_path(digest, HELD_SUFFIX, path), &st,
		       AT_SYMLINK_NOFOLLOW) == 0
		   ? (uint64_t)st.st_blocks * 512
		   : 0;
}

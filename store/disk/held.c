/* SPDX-License-Identifier: MIT */
/*
 * The map is a log. A header, then records of one size, each with a check of its own, added by one
 * write(2) with O_APPEND. What was cut by a crash ends the log for its readers, and is cut away by
 * who opens the map when nobody else has it; the log is also written anew then. flock(2) of the map
 * says who has it: shared by all that have it open, exclusive while it is put in order.
 */
#include "store/disk/held.h"

#include "store/base/clock.h"
#include "store/base/io.h"
#include "store/base/xxh.h"
#include "store/disk/blob.h"
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

#define HELD_MAGIC	"imagefsH"
#define HELD_VERSION	1
#define HELD_PATH_MAX	(BLOB_PATH_MAX + 16)
#define HELD_SYNC_LEN	(8u << 20) /* bytes that may wait for a sync */
#define HELD_SYNC_MS	1000	   /* how long they may, while more comes */
#define HELD_OPEN_TRIES 100

struct held_header {
	char magic[8];
	uint32_t version;
	uint32_t zero;
	uint64_t size; /* of the blob */
};
_Static_assert(sizeof(struct held_header) == 24, "held_header");

enum held_record_kind { HELD_ADDED = 1, HELD_DROPPED };

struct held_record {
	uint64_t first, end;
	uint64_t kind; /* enum held_record_kind */
	uint64_t check;
};
_Static_assert(sizeof(struct held_record) == 32, "held_record");

struct held {
	struct store *store; /* borrowed */
	struct held *next;   /* of those that are open, and */
	unsigned users;	     /* by how many: under the store's held_lock */
	struct digest digest;
	uint64_t size;
	int fd, map_fd;		   /* owned */
	pthread_mutex_t sync_lock; /* one sync at a time; taken before `lock` */
	pthread_mutex_t lock;	   /* of all below */
	struct ranges ranges;	   /* what is here */
	struct ranges fresh;	   /* of it, what nobody has synced */
	struct ranges syncing;	   /* what is being synced, or waits for its record in the map */
	int64_t fresh_ms;	   /* when the first of `fresh` came */
	uint64_t map_read;	   /* bytes of the map that are in `ranges` */
};

static const char *held_path(const struct digest *digest, const char *suffix,
			     char path[static HELD_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, HELD_PATH_MAX, "partial/%s%s", digest_hex(digest, hex), suffix);
	return path;
}

static uint64_t record_check(const struct held_record *rec)
{
	return XXH3_64bits(rec, offsetof(struct held_record, check));
}

static bool record_is_good(const struct held *h, const struct held_record *rec)
{
	return rec->check == record_check(rec) && rec->first < rec->end && rec->end <= h->size;
}

/* Under the lock: what is in the map behind what was read of it. */
static int read_map(struct held *h, struct err *err)
{
	struct held_record list[128];
	int r = 0;

	for (;;) {
		ssize_t n = io_pread(h->map_fd, list, sizeof(list), (off_t)h->map_read, err);

		if (n < 0)
			return (int)n;
		for (size_t i = 0; i < (size_t)n / sizeof(*list); i++) {
			struct byte_range range = {list[i].first, list[i].end};

			if (!record_is_good(h, &list[i]))
				return 0;
			r = list[i].kind == HELD_ADDED ? ranges_add(&h->ranges, range, err)
						       : ranges_remove(&h->ranges, range, err);
			if (r)
				return r;
			h->map_read += sizeof(*list);
		}
		if ((size_t)n < sizeof(list))
			return 0;
	}
}

static int append_record(struct held *h, enum held_record_kind kind, struct byte_range range,
			 struct err *err)
{
	struct held_record rec = {range.first, range.end, kind, 0};

	rec.check = record_check(&rec);
	return io_write_all(h->map_fd, &rec, sizeof(rec), err);
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
			r = append_record(h, HELD_ADDED, h->syncing.list[i], err);
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

static int new_map(struct held *h, struct err *err)
{
	struct held_header header = {.magic = HELD_MAGIC, .version = HELD_VERSION, .size = h->size};

	ranges_clear(&h->ranges);
	if (ftruncate(h->map_fd, 0) < 0 || ftruncate(h->fd, 0) < 0 ||
	    ftruncate(h->fd, (off_t)h->size) < 0)
		return err_sys(err, "truncate what is held of a blob");
	h->map_read = sizeof(header);
	return io_write_all(h->map_fd, &header, sizeof(header), err);
}

static bool has_header(const struct held *h)
{
	struct held_header header;
	struct stat st;

	return io_pread(h->map_fd, &header, sizeof(header), 0, NULL) == sizeof(header) &&
	       memcmp(header.magic, HELD_MAGIC, sizeof(header.magic)) == 0 &&
	       header.version == HELD_VERSION && header.size == h->size && fstat(h->fd, &st) == 0 &&
	       (uint64_t)st.st_size == h->size;
}

/* Nobody else has it: the map is put in order. */
static int order_map(struct held *h, struct err *err)
{
	struct stat st;
	int r;

	if (!has_header(h))
		return new_map(h, err);
	h->map_read = sizeof(struct held_header);
	r = read_map(h, err);
	if (r || fstat(h->map_fd, &st) < 0)
		return r ? r : err_sys(err, "stat the map of a blob");
	if ((uint64_t)st.st_size == h->map_read &&
	    (h->map_read - sizeof(struct held_header)) / sizeof(struct held_record) <
		2 * h->ranges.count + 16)
		return 0;
	if (ftruncate(h->map_fd, sizeof(struct held_header)) < 0)
		return err_sys(err, "truncate the map of a blob");
	for (size_t i = 0; !r && i < h->ranges.count; i++)
		r = append_record(h, HELD_ADDED, h->ranges.list[i], err);
	h->map_read = sizeof(struct held_header) + h->ranges.count * sizeof(struct held_record);
	return r;
}

static void close_files(struct held *h)
{
	if (h->map_fd >= 0) {
		flock(h->map_fd,
		      LOCK_UN); /* a child before its exec may hold the descriptor, too */
		close(h->map_fd);
	}
	if (h->fd >= 0)
		close(h->fd);
	h->fd = h->map_fd = -1;
}

static void free_held(struct held *h)
{
	if (!h)
		return;
	if (h->map_fd >= 0)
		held_sync(h, NULL);
	close_files(h);
	ranges_clear(&h->ranges);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->sync_lock);
	free(h);
}
DEFINE_AUTO(struct held, free_held)

/* One try: -EAGAIN where it was removed, or is being put in order, meanwhile. */
static int open_files(struct held *h, int create, struct err *err)
{
	char path[HELD_PATH_MAX];
	int dirfd = store_dirfd(h->store), r;

	h->map_fd = io_open(dirfd, held_path(&h->digest, HELD_MAP_SUFFIX, path),
			    O_RDWR | O_APPEND | create, 0600, err);
	if (h->map_fd < 0)
		return h->map_fd;
	if (flock(h->map_fd, LOCK_EX | LOCK_NB) == 0) {
		h->fd = io_open(dirfd, held_path(&h->digest, HELD_SUFFIX, path), O_RDWR | O_CREAT,
				0600, err);
		r = h->fd < 0 ? h->fd : order_map(h, err);
		if (r)
			return r;
	}
	if (flock(h->map_fd, LOCK_SH | LOCK_NB) < 0)
		return -EAGAIN;
	if (h->fd < 0)
		h->fd =
		    io_open(dirfd, held_path(&h->digest, HELD_SUFFIX, path), O_RDWR, 0600, NULL);
	if (h->fd < 0 || !held_is_linked(h, HELD_MAP_SUFFIX, h->map_fd) ||
	    !held_is_linked(h, HELD_SUFFIX, h->fd) || !has_header(h))
		return -EAGAIN;
	if (h->map_read == 0)
		h->map_read = sizeof(struct held_header);
	return read_map(h, err);
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
	*h = (struct held){.store = s, .digest = *digest, .size = size, .fd = -1, .map_fd = -1};
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
		h->map_read = 0;
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
	int r = read_map(h, NULL);

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
	failed = ranges_remove(&h->fresh, r, err);
	if (!failed)
		failed = ranges_remove(&h->syncing, r, err);
	if (!failed)
		failed = append_record(h, HELD_DROPPED, r, err);
	forget_range(h, r);
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

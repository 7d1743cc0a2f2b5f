/* SPDX-License-Identifier: MIT */
#include "store/disk/held_private.h"

#include "store/base/clock.h"
#include "store/base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_SYNC_LEN (8u << 20) /* bytes that may wait for a sync */
#define HELD_SYNC_MS  1000	 /* how long they may, while more comes */
#define HELD_LOOK_MS  1000	 /* how old may be what is known of others, where it is no matter */

/*
 * Processes do not write where another one takes away: by locks of the file's ranges. A writer has
 * them from the write until the map names what was synced. Where the disk knows no such locks, what
 * is lost proves wrong when it is read, and is fetched again.
 */
static bool claim(const struct held *h, struct byte_range r, bool wait)
{
	struct flock lock = {
	    .l_type = F_WRLCK, .l_start = (off_t)r.first, .l_len = (off_t)(r.end - r.first)};

	return fcntl(h->fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0 || errno != EAGAIN;
}

static void give_back(const struct held *h, struct byte_range r)
{
	struct flock lock = {
	    .l_type = F_UNLCK, .l_start = (off_t)r.first, .l_len = (off_t)(r.end - r.first)};

	fcntl(h->fd, F_OFD_SETLK, &lock);
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

uint64_t held_bytes_of(struct store *s, const struct digest *digest, uint64_t size)
{
	AUTO(held_close) struct held *h = NULL;

	return held_open_existing(s, digest, size, &h, NULL) < 0 ? 0 : held_bytes(h);
}

static void mark_used(struct held *h, struct byte_range r, int64_t now)
{
	for (uint64_t slot = r.first / HELD_SLOT; slot * HELD_SLOT < r.end; slot++)
		atomic_store_explicit(&h->used[slot], now, memory_order_relaxed);
}

/* Under the lock: what others have fetched, and taken away. Their records may be older than what is
 * ours. */
static int look_at_others(struct held *h)
{
	struct held_map_news news = {0};
	int64_t now = h->looked_ms = clock_wall_ms();
	int r = held_map_read(&h->map, &h->ranges, &news, NULL);

	for (size_t i = 0; i < news.added.count; i++)
		mark_used(h, news.added.list[i], now);
	atomic_fetch_add(&h->losses, news.dropped);
	ranges_clear(&news.added);
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

bool held_seen(struct held *h, struct byte_range r)
{
	int64_t now = clock_wall_ms();
	bool here;

	pthread_mutex_lock(&h->lock);
	here = ranges_has(&h->ranges, r);
	if (!here && now - h->looked_ms >= HELD_LOOK_MS && look_at_others(h) == 0)
		here = ranges_has(&h->ranges, r);
	pthread_mutex_unlock(&h->lock);
	return here;
}

/* ---- what comes ---- */

/* Under the lock. Bytes of which it is not known that they can be read. */
static void forget_range(struct held *h, struct byte_range r)
{
	if (ranges_remove(&h->ranges, r, NULL) < 0)
		ranges_clear(&h->ranges);
	atomic_fetch_add(&h->losses, 1);
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
		give_back(h, h->syncing.list[i]);
	}
	ranges_clear(&h->syncing);
	return r;
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

/* They are in the file. *due: it is time for a sync. */
static int note_written(struct held *h, struct byte_range range, bool *due, struct err *err)
{
	int64_t now = clock_ms();
	int r;

	pthread_mutex_lock(&h->lock);
	if (h->fresh.count == 0)
		h->fresh_ms = now;
	r = ranges_add(&h->fresh, range, err);
	if (!r)
		r = ranges_add(&h->ranges, range, err);
	*due = ranges_bytes(&h->fresh) >= HELD_SYNC_LEN || now - h->fresh_ms >= HELD_SYNC_MS;
	pthread_mutex_unlock(&h->lock);
	return r;
}

int held_write(struct held *h, const void *data, size_t len, uint64_t offset, struct err *err)
{
	struct byte_range range = {offset, offset + len};
	bool due = false;
	int r;

	assert(range.end <= h->size);
	pthread_rwlock_rdlock(&h->places);
	claim(h, range, true);
	r = io_pwrite_all(h->fd, data, len, (off_t)offset, err);
	if (!r)
		r = note_written(h, range, &due, err);
	if (r)
		give_back(h, range);
	pthread_rwlock_unlock(&h->places);
	if (r)
		return r;
	held_used(h, range);
	sync_file_range(h->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
	return due ? held_sync(h, err) : 0;
}

/* ---- what goes ---- */

/* Its room on the disk, where the disk can. */
static void punch(const struct held *h, struct byte_range r)
{
	fallocate(h->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)r.first,
		  (off_t)(r.end - r.first));
}

int held_drop(struct held *h, struct byte_range r, struct err *err)
{
	int failed;

	if (!held_is_linked(h, HELD_SUFFIX, h->fd))
		return 0;
	pthread_rwlock_wrlock(&h->places);
	pthread_mutex_lock(&h->lock);
	forget_range(h, r);
	failed = ranges_remove(&h->fresh, r, err);
	if (!failed)
		failed = ranges_remove(&h->syncing, r, err);
	if (claim(h, r, false)) { /* else another process is fetching it */
		punch(h, r);
		give_back(h, r);
	}
	if (!failed)
		failed = held_map_add(&h->map, HELD_MAP_DROPPED, r, err);
	pthread_mutex_unlock(&h->lock);
	pthread_rwlock_unlock(&h->places);
	return failed;
}

uint64_t held_losses(const struct held *h)
{
	return atomic_load(&h->losses);
}

bool held_spoilt(struct held *h, struct byte_range r, uint64_t losses)
{
	bool lost;

	pthread_mutex_lock(&h->lock);
	lost = look_at_others(h) < 0 || held_losses(h) != losses;
	pthread_mutex_unlock(&h->lock);
	if (!lost)
		held_drop(h, r, NULL);
	return !lost;
}

void held_used(struct held *h, struct byte_range r)
{
	int64_t now = clock_wall_ms();

	mark_used(h, r, now);
	io_note_use(h->fd, &h->touched, now);
}

void held_each_slot(struct held *h, held_slot_visit each, void *arg)
{
	uint64_t slot = 0, bytes = 0;

	pthread_mutex_lock(&h->lock);
	look_at_others(h);
	for (size_t i = 0; i < h->ranges.count; i++) {
		struct byte_range r = h->ranges.list[i];

		while (r.first < r.end) {
			uint64_t number = r.first / HELD_SLOT, end = (number + 1) * HELD_SLOT;

			if (number != slot && bytes > 0) {
				each(arg, slot, bytes, atomic_load(&h->used[slot]));
				bytes = 0;
			}
			slot = number;
			end = end < r.end ? end : r.end;
			bytes += end - r.first;
			r.first = end;
		}
	}
	if (bytes > 0)
		each(arg, slot, bytes, atomic_load(&h->used[slot]));
	pthread_mutex_unlock(&h->lock);
}

/* Under `places`: nobody writes. First it is known to all that they are not there. */
static int mark_gone(struct held *h, const struct ranges *victims, struct ranges *going,
		     struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; !r && i < victims->count; i++) {
		struct byte_range range = victims->list[i];

		if (!claim(h, range, false))
			continue; /* another process writes there */
		r = ranges_add(going, range, err);
		if (r) {
			give_back(h, range);
			break;
		}
		forget_range(h, range);
		r = held_map_add(&h->map, HELD_MAP_DROPPED, range, err);
	}
	pthread_mutex_unlock(&h->lock);
	if (!r && going->count > 0 && fdatasync(h->map.fd) < 0)
		r = err_sys(err, "fsync of the map of a blob");
	return r;
}

int held_evict(struct held *h, const struct ranges *victims, struct err *err)
{
	struct ranges going = RANGES_INIT;
	int r;

	pthread_rwlock_wrlock(&h->places);
	r = held_sync(h, err); /* what waits for it may be among them */
	if (!r)
		r = mark_gone(h, victims, &going, err);
	for (size_t i = 0; i < going.count; i++) {
		if (!r)
			punch(h, going.list[i]);
		give_back(h, going.list[i]);
	}
	ranges_clear(&going);
	pthread_rwlock_unlock(&h->places);
	return r;
}

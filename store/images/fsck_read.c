/* SPDX-License-Identifier: MIT */
#include "store/images/fsck_private.h"

#include "store/base/io.h"
#include "store/disk/blob.h"
#include "store/disk/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_PIECE (1u << 20)
#define THREADS	   64

struct fsck_work {
	struct store *store; /* borrowed, as are the three below */
	struct fsck_blob **blobs;
	struct cancel *cancel;
	const struct fsck_watch *watch;
	size_t count;
	uint64_t total;
	pthread_mutex_t lock; /* guards what follows */
	size_t next;
	uint64_t done;
	int result; /* of the first that cannot go on */
	struct err err;
};

static void tell_bytes(struct fsck_work *w, uint64_t more)
{
	uint64_t done;

	pthread_mutex_lock(&w->lock);
	done = w->done += more;
	pthread_mutex_unlock(&w->lock);
	if (w->watch && w->watch->bytes)
		w->watch->bytes(w->watch->arg, done, w->total);
}

/* -EBADMSG, -EIO: damaged; others end the work. */
static int hash_blob(struct fsck_work *w, int fd, const struct fsck_blob *b, struct err *err)
{
	autofree char *piece = malloc(READ_PIECE);
	AUTO(hash_close) struct hash *hash = NULL;
	struct digest found;
	off_t at = 0;
	ssize_t n;
	int r = piece ? hash_open(b->descriptor.digest.algorithm, &hash, err) : err_nomem(err);

	if (r)
		return r;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = io_pread(fd, piece, READ_PIECE, at, err)) > 0) {
		r = cancel_check(w->cancel, err);
		if (r)
			return r;
		hash_update(hash, piece, (size_t)n);
		at += n;
		tell_bytes(w, (uint64_t)n);
	}
	if (n < 0)
		return n == -EIO ? -EIO : (int)n;
	hash_final(hash, &found);
	return digest_equal(&found, &b->descriptor.digest) ? 0 : -EBADMSG;
}

/* A file of another size than what leads to it says is no use, whatever its bytes. */
static bool has_its_size(const struct fsck_blob *b)
{
	return !b->descriptor.media_type || b->size == b->descriptor.size;
}

static int read_blob(struct fsck_work *w, struct fsck_blob *b, struct err *err)
{
	const struct digest *digest = &b->descriptor.digest;
	autoclose int fd = blob_open(w->store, digest, NULL, err);
	int r = fd;

	if (fd >= 0)
		r = has_its_size(b) ? hash_blob(w, fd, b, err) : -EBADMSG;
	if (r == -ENOENT) {
		b->state = FSCK_ABSENT; /* removed meanwhile */
		return 0;
	}
	if (r == -EBADMSG || r == -EIO) {
		b->state = FSCK_DAMAGED;
		damage_mark(w->store, digest);
		return 0;
	}
	if (r)
		return r;
	b->state = FSCK_SOUND;
	if (damage_is_marked(w->store, digest))
		damage_clear(w->store, digest);
	return 0;
}

static struct fsck_blob *next_blob(struct fsck_work *w)
{
	struct fsck_blob *b = NULL;

	pthread_mutex_lock(&w->lock);
	if (!w->result && w->next < w->count)
		b = w->blobs[w->next++];
	pthread_mutex_unlock(&w->lock);
	return b;
}

static void *read_some(void *arg)
{
	struct fsck_work *w = arg;
	struct fsck_blob *b;

	while ((b = next_blob(w))) {
		struct err err = {0};
		int r = read_blob(w, b, &err);

		if (!r)
			continue;
		pthread_mutex_lock(&w->lock);
		if (!w->result) {
			w->result = r;
			w->err = err;
		}
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static int larger_first(const void *a, const void *b)
{
	const struct fsck_blob *x = *(struct fsck_blob *const *)a,
			       *y = *(struct fsck_blob *const *)b;

	return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

int fsck_read(struct store *s, struct fsck_blob **blobs, size_t count, struct cancel *cancel,
	      const struct fsck_watch *watch, struct err *err)
{
	struct fsck_work w = {
	    .store = s, .blobs = blobs, .cancel = cancel, .watch = watch, .count = count};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS];
	size_t started = 0;

	for (size_t i = 0; i < count; i++)
		w.total += blobs[i]->size;
	qsort(blobs, count, sizeof(*blobs), larger_first);
	pthread_mutex_init(&w.lock, NULL);
	/* This thread is one of them. */
	while (started + 1 < (size_t)processors && started + 1 < count && started < THREADS &&
	       pthread_create(&threads[started], NULL, read_some, &w) == 0)
		started++;
	read_some(&w);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&w.lock);
	if (w.result && err)
		*err = w.err;
	return w.result;
}

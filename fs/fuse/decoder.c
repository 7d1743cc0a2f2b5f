/* SPDX-License-Identifier: MIT */
#include "fs/fuse/decoder.h"

#include "fs/core/fs.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 8
#define WANTED_MAX  16

struct decoder_wanted {
	struct view *view; /* held */
	uint32_t layer;
	uint64_t archive;
};

struct decoder {
	struct fs *fs;
	pthread_t threads[THREADS_MAX];
	unsigned count;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct decoder_wanted wanted[WANTED_MAX];
	unsigned first, waiting;
	bool closing;
};

static void decoder_let_go(struct decoder *d, struct view *w)
{
	inodes_let_go(d->fs->inodes, &w->inode);
}

/* With the lock held: the next one; false where the decoder is closed. */
static bool next(struct decoder *d, struct decoder_wanted *out)
{
	while (!d->closing && d->waiting == 0)
		pthread_cond_wait(&d->changed, &d->lock);
	if (d->closing)
		return false;
	assert(d->first < WANTED_MAX && d->waiting <= WANTED_MAX);
	*out = d->wanted[d->first];
	d->first = (d->first + 1) % WANTED_MAX;
	d->waiting--;
	return true;
}

static void *decoder_run(void *arg)
{
	struct decoder *d = arg;
	struct decoder_wanted w;

	pthread_mutex_lock(&d->lock);
	while (next(d, &w)) {
		pthread_mutex_unlock(&d->lock);
		view_prepare(w.view, w.layer, w.archive);
		decoder_let_go(d, w.view);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

int decoder_open(struct fs *fs, struct decoder **out, struct err *err)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return err_nomem(err);
	d->fs = fs;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	*out = d;
	return 0;
}

/* With the lock held. On first use: the program goes to the background before. */
static void decoder_start_threads(struct decoder *d)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	while (processors > 1 && d->count < THREADS_MAX && (long)d->count < processors &&
	       pthread_create(&d->threads[d->count], NULL, decoder_run, d) == 0)
		d->count++;
}

void decoder_want(struct decoder *d, struct view *w, uint32_t layer, uint64_t archive)
{
	bool taken;

	inodes_hold(d->fs->inodes, view_ino(w, INODE_VIEW_ROOT));
	pthread_mutex_lock(&d->lock);
	if (d->count == 0)
		decoder_start_threads(d);
	taken = d->count > 0 && d->waiting < WANTED_MAX && !d->closing;
	if (taken) {
		d->wanted[(d->first + d->waiting++) % WANTED_MAX] =
		    (struct decoder_wanted){w, layer, archive};
		pthread_cond_signal(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	if (!taken)
		decoder_let_go(d, w);
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->closing = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	assert(d->count <= THREADS_MAX);
	for (unsigned i = 0; i < d->count; i++)
		pthread_join(d->threads[i], NULL);
	for (; d->waiting > 0; d->waiting--, d->first = (d->first + 1) % WANTED_MAX)
		decoder_let_go(d, d->wanted[d->first].view);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

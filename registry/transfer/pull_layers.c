/* SPDX-License-Identifier: MIT */
/*
 * The layers of an image, side by side. A few workers take them from a list, the largest first,
 * so that no large one is left for the end. Large layers keep a processor busy with decoding: of
 * those, only as many are under way as there are processors, since more would share them and
 * finish the largest last, alone. Small layers wait for the network most of the time: what workers
 * are left take those. A worker that has nothing left to take merges the layers that are there,
 * from the bottom up, while the others end. The first failure stops the others, whose parts stay
 * for the next try; it is the one that is reported.
 *
 * Every worker has a cancel of its own, since each may wait for something else; they are set
 * together, by a failure or by the pull's own cancel.
 */
#include "registry/transfer/pull_tree.h"

#include "store/disk/blob.h"
#include "store/images/image.h"

#include <errno.h>
#include <string.h>

#define WORKERS 4
#define LARGE	(8u << 20) /* bytes of a blob, from which on decoding is what takes the time */

/* Entries that are merged while other layers are decoded: what a merge takes comes on top of
 * that. */
#define EARLY_MAX 250000

struct pull_task {
	const struct descriptor *layer;
	const struct digest *diff_id;
	bool local;    /* the blob is there */
	bool taken;    /* under crew.lock, as are */
	bool ended;    /* well */
	uint64_t done; /* bytes of it */
};

struct crew {
	const struct transfer *transfer;
	const struct ref *repository;
	struct pull_task *tasks; /* owned */
	size_t count;
	struct pull_merge *merge; /* NULL: the tree is there, or not wanted */
	pthread_mutex_t lock;	  /* guards what follows, and the calls of the pull's watch */
	pthread_cond_t changed;	  /* a task has ended, or the result has changed */
	bool merging;		  /* somebody is, without the lock */
	long processors;	  /* free for large layers */
	uint64_t done, total;	  /* bytes of all tasks */
	int result;		  /* of the first that failed */
	struct err *err;
	struct cancel cancels[WORKERS];
};

struct pull_worker {
	struct crew *crew;
	struct cancel *cancel;	/* borrowed from the crew */
	struct pull_task *task; /* at work on */
	pthread_t thread;
};

/* ---- what the watch sees; with the lock held ---- */

static void pull_layers_tell(struct crew *c, const struct pull_task *t, const char *what)
{
	transfer_blob_line(c->transfer, &t->layer->digest, what, "");
}

static void tell_bytes(struct crew *c)
{
	transfer_bytes(c->transfer, c->done, c->total);
}

/* A worker's layer has `done` bytes. */
static void pull_layers_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	struct pull_worker *w = arg;
	struct crew *c = w->crew;

	(void)total;
	pthread_mutex_lock(&c->lock);
	c->done += done - w->task->done;
	w->task->done = done;
	tell_bytes(c);
	pthread_mutex_unlock(&c->lock);
}

/* ---- the list ---- */

static const struct pull_task *find_task(const struct crew *c, const struct digest *digest)
{
	for (size_t i = 0; i < c->count; i++)
		if (digest_equal(&c->tasks[i].layer->digest, digest))
			return &c->tasks[i];
	return NULL;
}

/* A layer that a manifest names twice is one task. */
static int add_task(struct crew *c, const struct descriptor *layer, const struct digest *diff_id,
		    struct err *err)
{
	const struct pull_task *same = find_task(c, &layer->digest);
	struct pull_task *t = &c->tasks[c->count];

	if (same && same->layer->size == layer->size && digest_equal(same->diff_id, diff_id))
		return 0;
	if (same)
		return err_set(err, EPROTO,
			       "one layer stands there twice, with unlike sizes or "
			       "uncompressed digests");
	*t = (struct pull_task){.layer = layer, .diff_id = diff_id};
	t->local = blob_exists(c->transfer->store, &layer->digest, layer->size);
	t->done = t->local ? layer->size : 0;
	c->done += t->done;
	if (__builtin_add_overflow(c->total, layer->size, &c->total))
		return err_set(err, EPROTO, "the sizes of the layers are too large");
	c->count++;
	return 0;
}

static int pull_layers_larger_first(const void *va, const void *vb)
{
	const struct pull_task *a = va, *b = vb;

	return (a->layer->size < b->layer->size) - (a->layer->size > b->layer->size);
}

static void tell_tasks(struct crew *c)
{
	if (c->done < c->total)
		for (size_t i = 0; i < c->count; i++)
			pull_layers_tell(c, &c->tasks[i],
					 c->tasks[i].local ? "Already exists" : "Pulling fs layer");
	tell_bytes(c);
}

static int make_tasks(struct crew *c, const struct manifest *m, const struct config *config,
		      struct err *err)
{
	if (config->diff_id_count != m->layer_count)
		return err_set(err, EPROTO, "%zu layers, but the config names %zu", m->layer_count,
			       config->diff_id_count);
	c->tasks = calloc(m->layer_count + 1, sizeof(*c->tasks));
	if (!c->tasks)
		return err_nomem(err);
	for (size_t i = 0; i < m->layer_count; i++) {
		int r = add_task(c, &m->layers[i], &config->diff_ids[i], err);

		if (r < 0)
			return r;
	}
	tell_tasks(c);
	qsort(c->tasks, c->count, sizeof(*c->tasks), pull_layers_larger_first);
	return 0;
}

/* ---- the workers ---- */

static void stop_all(void *arg)
{
	struct crew *c = arg;

	for (size_t i = 0; i < WORKERS; i++)
		cancel_set(&c->cancels[i]);
}

static bool is_large(const struct pull_task *t)
{
	return t->layer->size >= LARGE;
}

/* NULL: nothing is left that this worker may begin. Large layers that wait are then taken by those
 * who are at work on large ones. */
static struct pull_task *pull_layers_take_task(struct crew *c)
{
	struct pull_task *t = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; c->result == 0 && !t && i < c->count; i++) {
		bool may = !is_large(&c->tasks[i]) || c->processors > 0;

		if (may && !c->tasks[i].taken)
			t = &c->tasks[i];
	}
	if (t) {
		t->taken = true;
		c->processors -= is_large(t);
	}
	pthread_mutex_unlock(&c->lock);
	return t;
}

/* The first failure counts. With the lock held. */
static void pull_layers_fail(struct crew *c, int result, const struct err *why)
{
	if (c->result < 0)
		return;
	c->result = result;
	if (c->err)
		*c->err = *why;
	stop_all(c);
}

static void finish_task(struct crew *c, struct pull_task *t, int result, const struct err *why)
{
	pthread_mutex_lock(&c->lock);
	c->processors += is_large(t);
	t->ended = result == 0;
	if (result == 0 && !t->local) {
		pull_layers_tell(c, t, "Download complete");
		pull_layers_tell(c, t, "Pull complete");
	} else if (result < 0) {
		pull_layers_fail(c, result, why);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* False where there is none, or the pull has failed. With the lock held. */
static bool wait_for_next_layer(struct crew *c)
{
	const struct digest *next = pull_merge_next(c->merge);
	const struct pull_task *t = next ? find_task(c, next) : NULL;

	if (!t)
		return false;
	while (c->result == 0 && !t->ended)
		pthread_cond_wait(&c->changed, &c->lock);
	return c->result == 0;
}

static void merge_early(struct crew *c)
{
	struct err err = {0};
	int r = 0;

	pthread_mutex_lock(&c->lock);
	if (!c->merge || c->merging) {
		pthread_mutex_unlock(&c->lock);
		return;
	}
	c->merging = true;
	while (r == 0 && wait_for_next_layer(c)) {
		pthread_mutex_unlock(&c->lock);
		r = pull_merge_layer(c->merge, EARLY_MAX, &err);
		pthread_mutex_lock(&c->lock);
		if (r < 0)
			pull_layers_fail(c, r, &err);
	}
	pthread_mutex_unlock(&c->lock);
}

static void *pull_layers_work(void *arg)
{
	struct pull_worker *w = arg;
	struct crew *c = w->crew;
	const struct transfer_watch watch = {.arg = w, .bytes = pull_layers_on_bytes};
	struct transfer transfer = *c->transfer;

	transfer.cancel = w->cancel;
	transfer.watch = &watch;
	while ((w->task = pull_layers_take_task(c))) {
		struct err err = {0};
		int r =
		    pull_layer(&transfer, c->repository, w->task->layer, w->task->diff_id, &err);

		finish_task(c, w->task, r, &err);
	}
	merge_early(c);
	return NULL;
}

static void run_workers(struct crew *c)
{
	struct pull_worker workers[WORKERS];
	size_t started = 0;

	for (size_t i = 0; i < WORKERS; i++)
		workers[i] = (struct pull_worker){.crew = c, .cancel = &c->cancels[i]};
	/* The last one is this thread; where no more threads are to be had, it is the only one. */
	while (started + 1 < WORKERS && started + 1 < c->count &&
	       pthread_create(&workers[started].thread, NULL, pull_layers_work,
			      &workers[started]) == 0)
		started++;
	pull_layers_work(&workers[started]);
	for (size_t i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
}

static void pull_layers_run(struct crew *c)
{
	struct cancel *outer = c->transfer->cancel;

	for (size_t i = 0; i < WORKERS; i++) {
		cancel_init(&c->cancels[i]);
		c->cancels[i].deadline_ms = outer ? outer->deadline_ms : 0;
	}
	if (outer)
		cancel_on_set(outer, stop_all, c);
	run_workers(c);
	if (outer)
		cancel_on_set(outer, NULL, NULL);
	for (size_t i = 0; i < WORKERS; i++)
		cancel_destroy(&c->cancels[i]);
}

/* Layers that were given up because another one found the disk full go, too: nothing half-written
 * stays, so that there is room again for what is whole. */
static int pull_layers_make_room(struct crew *c)
{
	for (size_t i = 0; i < c->count; i++)
		blob_drop_partial(c->transfer->store, &c->tasks[i].layer->digest);
	err_context(c->err, "of %llu bytes in its layers %llu were not there yet",
		    (unsigned long long)c->total, (unsigned long long)(c->total - c->done));
	return c->result;
}

static int fetch_all(struct crew *c, const struct manifest *m, const struct config *config,
		     struct err *err)
{
	int r = make_tasks(c, m, config, err);

	if (r < 0)
		return r;
	pull_layers_run(c);
	if (blob_lacks_room(c->result))
		return pull_layers_make_room(c);
	if (c->result == 0 && c->merge)
		return pull_merge_finish(c->merge, err);
	return c->result;
}

int pull_layers(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		const struct config *config, bool merged, struct err *err)
{
	AUTO(pull_merge_close) struct pull_merge *merge = NULL;
	autofree struct digest *layers = image_layer_digests(m, 0, m->layer_count);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct crew c = {.transfer = t,
			 .repository = repository,
			 .processors = processors > 0 ? processors : 1,
			 .err = err};
	int r = layers ? 0 : err_nomem(err);

	if (r == 0 && merged)
		r = pull_merge_open(t, layers, m->layer_count, &merge, err);
	if (r < 0)
		return r;
	c.merge = merge;
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.changed, NULL);
	r = fetch_all(&c, m, config, err);
	free(c.tasks);
	pthread_cond_destroy(&c.changed);
	pthread_mutex_destroy(&c.lock);
	return r;
}

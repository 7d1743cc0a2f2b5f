/* SPDX-License-Identifier: MIT */
/*
 * The layers of an image, by a crew. Large layers keep a processor busy with decoding. Only as many of
 * them are under way as there are processors: more would share these and finish the largest last,
 * alone. Small layers, and those whose table of contents is enough, wait for the network most of the
 * time: the other workers take those. A worker that finds nothing left merges the layers that are
 * there, from the bottom up, while the others end. Parts of layers that a failure stops stay for the
 * next try.
 */
#include "registry/transfer/crew.h"
#include "registry/transfer/pull_merge.h"
#include "registry/transfer/pull_table.h"

#include "store/disk/blob.h"
#include "store/images/image.h"

#include <errno.h>

#define LARGE (8u << 20) /* bytes of a blob, from which on decoding is what takes the time */

/* Entries that are merged while other layers are decoded: what a merge takes comes on top of
 * that. */
#define EARLY_MAX 250000

struct pull_task {
	const struct descriptor *layer;
	const struct digest *diff_id;
	bool local; /* the blob is there */
	bool table; /* nothing else need come */
};

/* What the crew works at. */
struct pull_layers {
	const struct ref *repository;
	struct pull_task *tasks;  /* owned */
	struct pull_merge *merge; /* owned; NULL: the tree is there, or not wanted */
	bool merging;		  /* somebody is; under the crew's lock */
};

/* ---- the tasks ---- */

static const struct crew_task *find_task(const struct crew *c, const struct digest *digest)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct pull_task *t = c->tasks[i].what;

		if (digest_equal(&t->layer->digest, digest))
			return &c->tasks[i];
	}
	return NULL;
}

/* A layer that a manifest names twice is one task. */
static int add_task(struct crew *c, struct pull_task *t, struct err *err)
{
	const struct descriptor *layer = t->layer;
	const struct crew_task *found = find_task(c, &layer->digest);
	const struct pull_task *same = found ? found->what : NULL;

	if (same && same->layer->size == layer->size && digest_equal(same->diff_id, t->diff_id))
		return 0;
	if (same)
		return err_set(err, EPROTO,
			       "one layer stands there twice, with unlike sizes or "
			       "uncompressed digests");
	t->local = blob_is_sound(c->transfer->store, &layer->digest, layer->size);
	t->table = !t->local && pull_has_table(c->transfer, layer);
	return crew_add(c, t, layer->size, t->local ? layer->size : 0, err);
}

static bool is_large_layer(const struct crew_task *task)
{
	const struct pull_task *t = task->what;

	return task->size >= LARGE && !t->table;
}

static void tell_tasks(const struct crew *c)
{
	for (size_t i = 0; c->done < c->total && i < c->count; i++) {
		const struct pull_task *t = c->tasks[i].what;

		transfer_blob_line(c->transfer, &t->layer->digest,
				   t->local ? "Already exists" : "Pulling fs layer", "");
	}
	transfer_bytes(c->transfer, c->done, c->total);
}

static int make_tasks(struct crew *c, const struct manifest *m, const struct config *config,
		      struct err *err)
{
	struct pull_layers *l = c->arg;
	int r = 0;

	if (config->diff_id_count != m->layer_count)
		return err_set(err, EPROTO, "%zu layers, but the config names %zu", m->layer_count,
			       config->diff_id_count);
	l->tasks = calloc(m->layer_count + 1, sizeof(*l->tasks));
	if (!l->tasks)
		return err_nomem(err);
	for (size_t i = 0; !r && i < m->layer_count; i++) {
		l->tasks[i].layer = &m->layers[i];
		l->tasks[i].diff_id = &config->diff_ids[i];
		r = add_task(c, &l->tasks[i], err);
	}
	if (!r)
		tell_tasks(c);
	return r;
}

/* ---- the work ---- */

static int pull_layers_run(struct crew *c, const struct crew_task *task, const struct transfer *own,
			   struct err *err)
{
	const struct pull_layers *l = c->arg;
	const struct pull_task *t = task->what;
	int r = pull_table_or_layer(own, l->repository, t->layer, t->diff_id, err);

	if (r < 0 || t->local)
		return r;
	pthread_mutex_lock(&c->lock);
	transfer_blob_line(c->transfer, &t->layer->digest, "Download complete", "");
	transfer_blob_line(c->transfer, &t->layer->digest, "Pull complete", "");
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static const struct digest *pull_layers_digest(const void *what)
{
	return &((const struct pull_task *)what)->layer->digest;
}

/* False where there is none, or the pull has failed. */
static bool wait_for_next_layer(struct crew *c)
{
	const struct pull_layers *l = c->arg;
	const struct digest *next = pull_merge_next(l->merge);
	const struct crew_task *t = next ? find_task(c, next) : NULL;

	return t && crew_await(c, t);
}

static void merge_early(struct crew *c)
{
	struct pull_layers *l = c->arg;
	struct err err = {0};
	int r = 0;

	if (!l->merge || l->merging)
		return;
	l->merging = true;
	while (!r && wait_for_next_layer(c)) {
		pthread_mutex_unlock(&c->lock);
		r = pull_merge_layer(l->merge, EARLY_MAX, &err);
		if (r < 0)
			crew_fail(c, r, &err);
		pthread_mutex_lock(&c->lock);
	}
}

/* Layers that were given up because another one found the disk full go, too: nothing half-written
 * stays, so that there is room again for what is whole. */
static int pull_layers_make_room(const struct crew *c, struct err *err)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct pull_task *t = c->tasks[i].what;

		blob_drop_partial(c->transfer->store, &t->layer->digest);
	}
	err_context(err, "of %llu bytes in its layers %llu were not there yet",
		    (unsigned long long)c->total, (unsigned long long)(c->total - c->done));
	return c->result;
}

static int fetch_all(struct crew *c, const struct manifest *m, const struct config *config,
		     struct err *err)
{
	const struct pull_layers *l = c->arg;
	int r = make_tasks(c, m, config, err);

	if (r < 0)
		return r;
	r = crew_run(c, err);
	if (blob_lacks_room(r))
		return pull_layers_make_room(c, err);
	return !r && l->merge ? pull_merge_finish(l->merge, err) : r;
}

int pull_layers(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		const struct config *config, bool merged, struct err *err)
{
	autofree struct layer_name *layers = image_layer_names(t->store, m, 0, m->layer_count);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct pull_layers l = {.repository = repository};
	autocrew crew = {.transfer = t,
			 .run = pull_layers_run,
			 .digest = pull_layers_digest,
			 .spare = merge_early,
			 .arg = &l,
			 .is_large = is_large_layer,
			 .large_free = processors > 0 ? processors : 1};
	int r = layers ? 0 : err_nomem(err);

	if (!r && merged)
		r = pull_merge_open(t, layers, m->layer_count, &l.merge, err);
	if (!r)
		r = fetch_all(&crew, m, config, err);
	pull_merge_close(l.merge);
	free(l.tasks);
	return r;
}

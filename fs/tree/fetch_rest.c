/* SPDX-License-Identifier: MIT */
#include "fs/tree/fetch_rest.h"

#include "fs/core/job.h"
#include "fs/tree/cache_limit.h"
#include "fs/tree/fetch.h"
#include "fs/tree/fetch_plan.h"
#include "registry/transfer/pull_range.h"
#include "store/disk/blob.h"
#include "store/layer/layer_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REST_PIECE    (4u << 20) /* bytes, after which it looks whether somebody waits */
#define REST_PAUSE_NS 20000000

struct rest_job {
	struct fs *fs;
	struct repo_image *image; /* a reference */
	struct lease *lease;	  /* owned */
	bool early;		  /* no more than what fetch_rest_early says */
};

static void rest_job_free(void *arg)
{
	struct rest_job *a = arg;

	if (!a)
		return;
	lease_close(a->lease);
	repo_image_put(a->image);
	free(a);
}

/* Until no reader waits for bytes. */
static int give_way(const struct rest_job *a, struct cancel *cancel, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = REST_PAUSE_NS};
	int r;

	while ((r = cancel_check(cancel, err)) == 0 && fetch_plan_busy(a->fs->fetch_plan))
		nanosleep(&pause, NULL);
	return r;
}

/* Of a blob, what is missing in front of `end`. */
static int fetch_until(const struct rest_job *a, const struct transfer *t,
		       const struct descriptor *d, uint64_t end, struct held *held, struct err *err)
{
	struct byte_range missing = {0, end};
	int r = 0;

	while (!r && held_missing(held, &missing)) {
		if (missing.end - missing.first > REST_PIECE)
			missing.end = missing.first + REST_PIECE;
		r = give_way(a, t->cancel, err);
		if (!r)
			r = pull_range(t, repo_image_ref(a->image), d, missing, held, err);
		missing = (struct byte_range){0, end};
	}
	return r;
}

static int hold_layer(const struct transfer *t, const struct descriptor *d, struct held **held,
		      struct err *err)
{
	int r = transfer_hold(t, &d->digest, err);

	return r ? r : held_open(t->store, &d->digest, d->size, held, err);
}

/* What lies in front of its landmark, where it has one. */
static int fetch_layer_early(const struct rest_job *a, const struct transfer *t,
			     const struct layer_name *name, const struct descriptor *d,
			     struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	AUTO(held_close) struct held *held = NULL;
	uint64_t end = 0;
	int r;

	if (layer_name_index(t->store, name, &index, NULL) == 0) /* else it is made anew */
		end = layer_index_landmark(index);
	if (end == 0 || !cache_limit_fits(a->fs->cache_limit, end))
		return 0;
	r = hold_layer(t, d, &held, err);
	if (!r)
		r = fetch_until(a, t, d, end, held, err);
	return r ? r : held_sync(held, err);
}

static int fetch_layer_rest(const struct rest_job *a, const struct transfer *t,
			    const struct layer_name *name, const struct descriptor *d,
			    struct err *err)
{
	AUTO(held_close) struct held *held = NULL;
	int r = hold_layer(t, d, &held, err);

	(void)name;
	if (!r && !cache_limit_fits(a->fs->cache_limit, d->size - held_bytes(held)))
		return 0; /* it is read on in part */
	if (!r)
		r = fetch_until(a, t, d, d->size, held, err);
	return r ? r : held_publish(held, t->cancel, err);
}

/* Of each layer that is read by its table. */
typedef int (*rest_fetch)(const struct rest_job *a, const struct transfer *t,
			  const struct layer_name *name, const struct descriptor *d,
			  struct err *err);

static int fetch_layers_rest(const struct rest_job *a, const struct transfer *t, rest_fetch fetch,
			     struct err *err)
{
	const struct manifest *m = repo_image_image(a->image)->manifest;
	int r = 0;

	for (size_t i = 0; !r && i < m->layer_count; i++) {
		const struct descriptor *d = &m->layers[i];
		const struct layer_name name = image_layer_name(t->store, m, i);

		if (layer_check_is_table(name.check) && !blob_exists(t->store, &d->digest, d->size))
			r = fetch(a, t, &name, d, err);
	}
	return r;
}

static int run_rest(struct job *j, void *arg, struct err *err)
{
	struct rest_job *a = arg;
	struct transfer t = fetch_transfer_of(a->fs, j);
	int r = lease_open(a->fs->store, &a->lease, err);

	t.lease = a->lease;
	if (!r)
		r = fetch_layers_rest(a, &t, fetch_layer_early, err);
	if (!r && !a->early)
		r = fetch_layers_rest(a, &t, fetch_layer_rest, err);
	cache_limit_look(a->fs->cache_limit);
	return r;
}

static void start_rest(struct fs *fs, struct repo_image *i, bool early)
{
	struct rest_job *a = calloc(1, sizeof(*a));
	const struct ref *ref = repo_image_ref(i);
	autofree char *full = ref_full(ref), *name = ref_familiar(ref);
	autofree char *title = NULL;

	if (!a || !full || !name ||
	    asprintf(&title, "%s of %s", early ? "first files" : "rest", name) < 0) {
		free(a);
		return;
	}
	*a = (struct rest_job){.fs = fs, .image = repo_image_get(i), .early = early};
	struct job_spec spec = {
	    .key = {.kind = early ? "early" : "rest", .name = full},
	    .shared = true,
	    .title = title,
	    .class = "rest",
	    .at_once = 1,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_rest,
	    .arg = a,
	    .free_arg = rest_job_free,
	    .ended = fetch_ended,
	    .ended_arg = fs,
	};

	job_start(fs->jobs, &spec, NULL, NULL);
}

void fetch_rest(struct fs *fs, struct repo_image *i)
{
	start_rest(fs, i, false);
}

void fetch_rest_early(struct fs *fs, struct repo_image *i)
{
	start_rest(fs, i, true);
}

/* SPDX-License-Identifier: MIT */
#include "fs/tree/fetch_range.h"

#include "fs/core/fs.h"
#include "fs/core/layers.h"
#include "fs/tree/cache_limit.h"
#include "fs/tree/fetch.h"
#include "fs/tree/fetch_plan.h"
#include "registry/transfer/pull_range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIES 2 /* of bytes that prove wrong */

static const char range_kind[] = "range";

/* What the job needs. */
struct range_job {
	struct fs *fs;
	struct repo_image *image; /* a reference, as is fetch */
	size_t layer;
	enum layer_check kind; /* of the index by which it is read */
	struct planned_fetch *fetch;
	bool verified;	  /* by the job: somebody waits for what lies at `archive` */
	uint64_t archive; /* offset */
};

static void range_job_free(void *arg)
{
	struct range_job *a = arg;

	if (!a)
		return;
	planned_fetch_put(a->fs->fetch_plan, a->fetch);
	repo_image_put(a->image);
	free(a);
}

static const struct descriptor *layer_of(const struct range_job *a)
{
	return &repo_image_image(a->image)->manifest->layers[a->layer];
}

/* The bytes are decoded for who waits for them, and verified with that. */
static int look_at_bytes(struct layer *l, uint64_t archive, struct err *err)
{
	struct layer_bytes b;
	int r = layer_get(l, archive, 1, &b, err);

	if (r)
		return r;
	b.last = false;
	layer_put(l, &b);
	return 0;
}

/* Without a lease: what a removal takes the name of stays with who has it open. */
static int fetch_into(struct range_job *a, struct job *j, struct layer *l, struct err *err)
{
	const struct descriptor *d = layer_of(a);
	const struct transfer t = fetch_transfer_of(a->fs, j);
	const struct byte_range range = planned_fetch_begin(a->fs->fetch_plan, a->fetch);
	const uint64_t len = range.end - range.first;
	int r = cache_limit_take(a->fs->cache_limit, len, err);

	if (r)
		return r;
	for (int tries = TRIES; !r && tries > 0; tries--) {
		r = pull_range(&t, repo_image_ref(a->image), d, range, layer_held(l), err);
		if (r || !a->verified)
			break;
		r = look_at_bytes(l, a->archive, err);
		if (r != -EBADMSG || tries == 1)
			break;
		r = 0; /* spoilt on the way, maybe */
	}
	if (r == -ENODATA)
		r = 0; /* it had to go again: who waits for it asks again */
	cache_limit_give(a->fs->cache_limit, len);
	stats_add(&a->fs->stats.ranges, 1);
	stats_add(&a->fs->stats.range_bytes, len);
	return r;
}

struct sync_job {
	struct fs *fs;
	struct layer *layer; /* a reference */
};

static void sync_job_free(void *arg)
{
	struct sync_job *a = arg;

	if (a)
		layers_put(a->fs->layers, a->layer);
	free(a);
}

static int run_sync(struct job *j, void *arg, struct err *err)
{
	(void)j;
	return held_sync(layer_held(((struct sync_job *)arg)->layer), err);
}

/* What has come outlasts a kill, and other processes see it, soon: nobody who reads waits for the
 * disk. Takes the layer. One job at a time; most find that another one has done their work. */
static void sync_later(struct fs *fs, struct layer *l)
{
	struct sync_job *a = malloc(sizeof(*a));

	if (!a) {
		layers_put(fs->layers, l);
		return;
	}
	*a = (struct sync_job){fs, l};
	struct job_spec spec = {
	    .title = "sync",
	    .class = "sync",
	    .at_once = 1,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_sync,
	    .arg = a,
	    .free_arg = sync_job_free,
	};

	job_start(fs->jobs, &spec, NULL, NULL);
}

static int run_range(struct job *j, void *arg, struct err *err)
{
	struct range_job *a = arg;
	const struct descriptor *d = layer_of(a);
	struct layer_name name =
	    image_layer_name(a->fs->store, repo_image_image(a->image)->manifest, a->layer);
	struct layer *l;
	int r;

	name.check = a->kind; /* by which it is missing */
	r = layers_get(a->fs->layers, &name, d->size, &l, err);

	if (r)
		return r;
	if (layer_held(l)) { /* else the blob has become whole meanwhile */
		r = fetch_into(a, j, l, err);
		sync_later(a->fs, l);
	} else {
		layers_put(a->fs->layers, l);
	}
	if (r)
		planned_fetch_failed(a->fs->fetch_plan, a->fetch);
	return r;
}

/* What came is no event: there are too many. */
static void range_ended(void *arg, const char *title, int result, const struct err *err)
{
	if (result < 0)
		fetch_ended(arg, title, result, err);
}

/* Starts it, for the request or for nobody. Takes the fetch. */
static int start_range(struct request *rq, struct repo_image *i, size_t layer,
		       enum layer_check kind, const struct layer_gap *missing,
		       struct planned_fetch *fetch, struct err *err)
{
	struct range_job *a = calloc(1, sizeof(*a));
	const struct ref *ref = repo_image_ref(i);
	struct byte_range range = planned_fetch_range(rq->fs->fetch_plan, fetch);
	uint64_t number = planned_fetch_number(fetch);
	autofree char *name = ref_familiar(ref);
	char text[DIGEST_TEXT_MAX];
	autofree char *title = NULL;

	if (!a || !name ||
	    asprintf(&title, "bytes %llu to %llu of layer %zu of %s",
		     (unsigned long long)range.first, (unsigned long long)range.end - 1, layer,
		     name) < 0) {
		planned_fetch_put(rq->fs->fetch_plan, fetch);
		free(a);
		return err_nomem(err);
	}
	*a = (struct range_job){.fs = rq->fs,
				.image = repo_image_get(i),
				.layer = layer,
				.kind = kind,
				.fetch = fetch,
				.verified = missing != NULL,
				.archive = missing ? missing->archive : 0};
	struct job_spec spec = {
	    .key = {range_kind, digest_text(&layer_of(a)->digest, text), number, number + 1},
	    .shared = true,
	    .title = title,
	    .class = ref->domain,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_range,
	    .arg = a,
	    .free_arg = range_job_free,
	    .ended = range_ended,
	    .ended_arg = rq->fs,
	};

	return missing ? request_await(rq, &spec, err) : job_start(rq->fs->jobs, &spec, NULL, NULL);
}

int fetch_range(struct request *rq, struct repo_image *i, size_t layer,
		const struct layer_gap *missing, struct err *err)
{
	const struct descriptor *d = &repo_image_image(i)->manifest->layers[layer];
	struct planned_fetch *fetch, *ahead;
	int r =
	    rq->ended && job_is_of_kind(rq->ended, range_kind) ? job_outcome(rq->ended, err) : 0;

	if (!r)
		r = fetch_plan_make(rq->fs->fetch_plan, &d->digest, d->size, missing->in, &fetch,
				    &ahead, err);
	if (r)
		return r;
	r = start_range(rq, i, layer, missing->kind, missing, fetch, err);
	if (ahead)
		start_range(rq, i, layer, missing->kind, NULL, ahead, NULL);
	return r ? r : err_set(err, EIO, "what was fetched of the layer does not stay");
}

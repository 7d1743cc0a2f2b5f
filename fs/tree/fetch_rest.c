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

static int fetch_layer_rest(const struct rest_job *a, const struct transfer *t,
			    const struct descriptor *d, struct err *err)
{
	AUTO(held_close) struct held *held = NULL;
	struct byte_range missing = {0, d->size};
	int r = transfer_hold(t, &d->digest, err);

	if (!r)
		r = held_open(t->store, &d->digest, d->size, &held, err);
	if (!r && !cache_limit_fits(a->fs->cache_limit, d->size - held_bytes(held)))
		return 0; /* it is read on in part */
	while (!r && held_missing(held, &missing)) {
		if (missing.end - missing.first > REST_PIECE)
			missing.end = missing.first + REST_PIECE;
		r = give_way(a, t->cancel, err);
		if (!r)
			r = pull_range(t, repo_image_ref(a->image), d, missing, held, err);
		missing = (struct byte_range){0, d->size};
	}
	return r ? r : held_publish(held, t->cancel, err);
}

static int run_rest(struct job *j, void *arg, struct err *err)
{
	struct rest_job *a = arg;
	const struct manifest *m = repo_image_image(a->image)->manifest;
	struct transfer t = fetch_transfer_of(a->fs, j);
	int r = lease_open(a->fs->store, &a->lease, err);

	t.lease = a->lease;
	for (size_t i = 0; !r && i < m->layer_count; i++) {
		const struct descriptor *d = &m->layers[i];

		if (layer_check_is_table(image_layer_name(t.store, m, i).check) &&
		    !blob_exists(t.store, &d->digest, d->size))
			r = fetch_layer_rest(a, &t, d, err);
	}
	cache_limit_look(a->fs->cache_limit);
	return r;
}

void fetch_rest(struct fs *fs, struct repo_image *i)
{
	struct rest_job *a = calloc(1, sizeof(*a));
	const struct ref *ref = repo_image_ref(i);
	autofree char *full = ref_full(ref), *name = ref_familiar(ref);
	autofree char *title = NULL;

	if (!a || !full || !name || asprintf(&title, "rest of %s", name) < 0) {
		free(a);
		return;
	}
	*a = (struct rest_job){fs, repo_image_get(i), NULL};
	struct job_spec spec = {
	    .key = {.kind = "rest", .name = full},
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

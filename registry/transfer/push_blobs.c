/* SPDX-License-Identifier: MIT */
#include "registry/transfer/push_blobs.h"

#include "registry/api/api_upload.h"
#include "registry/transfer/crew.h"
#include "store/base/map.h"
#include "store/disk/names.h"
#include "store/images/reach.h"

#include <errno.h>
#include <string.h>

struct push_task {
	struct digest digest;
	bool layer;
};

struct push_blobs {
	const struct ref *ref;
	struct crew crew;    /* owned */
	struct map *tasks;   /* owned: digest → struct push_task, owned */
	struct map *sources; /* owned: digest → a repository of the same registry that has it */
};

void push_blobs_close(struct push_blobs *b)
{
	if (!b)
		return;
	crew_clear(&b->crew);
	map_free_all(b->sources, free);
	map_free_all(b->tasks, free);
	free(b);
}

int push_blobs_add(struct push_blobs *b, const struct descriptor *d, bool layer, struct err *err)
{
	const struct transfer *t = b->crew.transfer;
	char text[DIGEST_TEXT_MAX];
	struct push_task *task;
	int r;

	digest_text(&d->digest, text);
	if (map_get(b->tasks, text, strlen(text)))
		return 0;
	if (d->foreign) {
		transfer_blob_line(t, &d->digest, "Skipped foreign layer", "");
		return 0;
	}
	task = calloc(1, sizeof(*task));
	if (!task || map_put(b->tasks, text, strlen(text), task)) {
		free(task);
		return err_nomem(err);
	}
	*task = (struct push_task){.digest = d->digest, .layer = layer};
	r = crew_add(&b->crew, task, d->size, 0, err);
	return r ? r : transfer_hold(t, &d->digest, err);
}

/* ---- where a registry may mount from ---- */

struct source_walk {
	struct push_blobs *blobs;
	const char *path; /* of the repository */
};

static int push_blobs_on_descriptor(void *arg, const struct descriptor *d, const struct manifest *m,
				    struct err *err)
{
	struct source_walk *w = arg;
	char text[DIGEST_TEXT_MAX];
	char *path;

	(void)m;
	digest_text(&d->digest, text);
	if (!map_get(w->blobs->tasks, text, strlen(text)) ||
	    map_get(w->blobs->sources, text, strlen(text)))
		return 0;
	path = strdup(w->path);
	if (!path || map_put(w->blobs->sources, text, strlen(text), path)) {
		free(path);
		return err_nomem(err);
	}
	return 0;
}

/* Other repositories of the registry for which the store has names: what was pulled from or pushed
 * to them is there, as far as anybody knows. */
static int find_sources(struct push_blobs *b, struct err *err)
{
	struct store *store = b->crew.transfer->store;
	AUTO(names_put) struct names *names = NULL;
	int r = names_get(store, &names, err);

	for (size_t i = 0; !r && i < names_count(names); i++) {
		AUTO(reach_close) struct reach *reach = NULL;
		const struct name *n = names_at(names, i);
		autoref ref = REF_INIT;

		if (ref_parse(n->reference, &ref, NULL) < 0 ||
		    strcmp(ref.domain, b->ref->domain) != 0 || !strcmp(ref.path, b->ref->path))
			continue;
		r = reach_open(store, &reach, err);
		/* Of an image that cannot be read nothing is mounted. */
		if (!r && reach_walk(reach, &n->descriptor, push_blobs_on_descriptor,
				     &(struct source_walk){b, ref.path}, err) == -ENOMEM)
			r = -ENOMEM;
	}
	return r;
}

/* ---- the work ---- */

static void on_sent(void *own, uint64_t sent)
{
	transfer_bytes(own, sent, sent);
}

static int push_blobs_run(struct crew *c, const struct crew_task *task, const struct transfer *own,
			  struct err *err)
{
	static const char *const texts[] = {"Layer already exists", "Mounted from ", "Pushed"};
	const struct push_blobs *b = c->arg;
	const struct push_task *t = task->what;
	char text[DIGEST_TEXT_MAX];
	const char *digest = digest_text(&t->digest, text);
	const char *from = map_get(b->sources, digest, strlen(digest));
	struct api_upload u = {own->registry, b->ref, own->cancel, on_sent, (void *)own};
	enum upload_result result;
	int r = api_upload_blob(&u, own->store, &t->digest, task->size, from, &result, err);

	if (r < 0)
		return r;
	transfer_bytes(own, task->size, task->size);
	if (!t->layer)
		return 0;
	pthread_mutex_lock(&c->lock);
	transfer_blob_line(c->transfer, &t->digest, texts[result],
			   result == UPLOAD_MOUNTED ? from : "");
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static const struct digest *push_blobs_digest(const void *what)
{
	return &((const struct push_task *)what)->digest;
}

int push_blobs_open(const struct transfer *t, const struct ref *ref, struct push_blobs **out,
		    struct err *err)
{
	struct push_blobs *b = calloc(1, sizeof(*b));

	if (!b)
		return err_nomem(err);
	b->ref = ref;
	b->crew = (struct crew){
	    .transfer = t, .run = push_blobs_run, .digest = push_blobs_digest, .arg = b};
	b->tasks = map_new();
	b->sources = map_new();
	*out = b;
	return b->tasks && b->sources ? 0 : err_nomem(err);
}

int push_blobs_send(struct push_blobs *b, struct err *err)
{
	int r = find_sources(b, err);

	return r ? r : crew_run(&b->crew, err);
}

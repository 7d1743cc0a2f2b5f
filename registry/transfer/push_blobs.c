/* SPDX-License-Identifier: MIT */
#include "registry/transfer/push_blobs.h"

#include "registry/api/api_upload.h"
#include "store/base/map.h"
#include "store/disk/names.h"
#include "store/images/reach.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 4

struct push_task {
	struct digest digest;
	uint64_t size;
	bool layer;
	uint64_t sent; /* of it, under the lock */
	struct push_blobs *all;
};

struct push_blobs {
	const struct transfer *transfer;
	const struct ref *ref;
	struct push_task *tasks; /* owned */
	size_t count;
	struct map *known;   /* owned: digests of the tasks */
	struct map *sources; /* owned: digest → a repository of the same registry that has it */
	struct names *names; /* a reference: what the sources borrow from */

	pthread_mutex_t lock; /* of what follows, and of the watch */
	size_t next;
	uint64_t total, done;
	int result;
	struct err *err;
	struct cancel cancel; /* of the workers: by the push's own, or a failure */
};

int push_blobs_open(const struct transfer *t, const struct ref *ref, struct push_blobs **out,
		    struct err *err)
{
	struct push_blobs *b = calloc(1, sizeof(*b));

	if (!b)
		return err_nomem(err);
	b->transfer = t;
	b->ref = ref;
	b->known = map_new();
	b->sources = map_new();
	pthread_mutex_init(&b->lock, NULL);
	cancel_init(&b->cancel);
	*out = b;
	return b->known && b->sources ? 0 : err_nomem(err);
}

void push_blobs_close(struct push_blobs *b)
{
	const void *key;
	size_t iter = 0, len;
	void *value;

	if (!b)
		return;
	while (b->sources && map_next(b->sources, &iter, &key, &len, &value))
		free(value);
	if (b->sources)
		map_free(b->sources);
	if (b->known)
		map_free(b->known);
	names_put(b->names);
	cancel_destroy(&b->cancel);
	pthread_mutex_destroy(&b->lock);
	free(b->tasks);
	free(b);
}

static void push_blobs_tell(struct push_blobs *b, const struct digest *layer, const char *what,
			    const char *from)
{
	pthread_mutex_lock(&b->lock);
	transfer_blob_line(b->transfer, layer, what, from);
	pthread_mutex_unlock(&b->lock);
}

int push_blobs_add(struct push_blobs *b, const struct descriptor *d, bool layer, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	struct push_task *tasks;

	digest_text(&d->digest, text);
	if (map_get(b->known, text, strlen(text)))
		return 0;
	if (d->foreign) {
		push_blobs_tell(b, &d->digest, "Skipped foreign layer", "");
		return 0;
	}
	tasks = reallocarray(b->tasks, b->count + 1, sizeof(*tasks));
	if (!tasks || map_put(b->known, text, strlen(text), b)) {
		b->tasks = tasks ? tasks : b->tasks;
		return err_nomem(err);
	}
	b->tasks = tasks;
	b->total += d->size;
	tasks[b->count++] =
	    (struct push_task){.digest = d->digest, .size = d->size, .layer = layer, .all = b};
	return transfer_hold(b->transfer, &d->digest, err);
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
	if (!map_get(w->blobs->known, text, strlen(text)) ||
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
	int r = names_get(b->transfer->store, &b->names, err);

	for (size_t i = 0; !r && i < names_count(b->names); i++) {
		AUTO(reach_close) struct reach *reach = NULL;
		const struct name *n = names_at(b->names, i);
		autoref ref = REF_INIT;

		if (ref_parse(n->reference, &ref, NULL) < 0 ||
		    strcmp(ref.domain, b->ref->domain) != 0 || !strcmp(ref.path, b->ref->path))
			continue;
		r = reach_open(b->transfer->store, &reach, err);
		/* Of an image that cannot be read nothing is mounted. */
		if (!r && reach_walk(reach, &n->descriptor, push_blobs_on_descriptor,
				     &(struct source_walk){b, ref.path}, err) == -ENOMEM)
			r = -ENOMEM;
	}
	return r;
}

static const char *source_of(const struct push_blobs *b, const struct push_task *t)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(&t->digest, text);
	return map_get(b->sources, text, strlen(text));
}

/* ---- the workers ---- */

static void on_sent(void *arg, uint64_t sent)
{
	struct push_task *t = arg;
	struct push_blobs *b = t->all;

	pthread_mutex_lock(&b->lock);
	b->done += sent - t->sent; /* wraps where a transfer began anew */
	t->sent = sent;
	transfer_bytes(b->transfer, b->done, b->total);
	pthread_mutex_unlock(&b->lock);
}

static struct push_task *push_blobs_take_task(struct push_blobs *b)
{
	struct push_task *t = NULL;

	pthread_mutex_lock(&b->lock);
	if (!b->result && b->next < b->count)
		t = &b->tasks[b->next++];
	pthread_mutex_unlock(&b->lock);
	return t;
}

static void push_blobs_fail(struct push_blobs *b, int result, const struct err *why)
{
	pthread_mutex_lock(&b->lock);
	if (!b->result) {
		b->result = result;
		if (b->err)
			*b->err = *why;
	}
	pthread_mutex_unlock(&b->lock);
	cancel_set(&b->cancel);
}

static void tell_result(struct push_blobs *b, const struct push_task *t, enum upload_result result,
			const char *from)
{
	static const char *const texts[] = {"Layer already exists", "Mounted from ", "Pushed"};

	if (t->layer)
		push_blobs_tell(b, &t->digest, texts[result], result == UPLOAD_MOUNTED ? from : "");
}

static void *push_blobs_work(void *arg)
{
	struct push_blobs *b = arg;
	struct push_task *t;

	while ((t = push_blobs_take_task(b))) {
		const char *from = source_of(b, t);
		struct api_upload u = {b->transfer->registry, b->ref, &b->cancel, on_sent, t};
		enum upload_result result;
		struct err err = {0};
		int r = api_upload_blob(&u, b->transfer->store, &t->digest, t->size, from, &result,
					&err);

		if (r < 0) {
			push_blobs_fail(b, r, &err);
			continue;
		}
		on_sent(t, t->size);
		tell_result(b, t, result, from);
	}
	return NULL;
}

static int push_blobs_larger_first(const void *a, const void *b)
{
	const struct push_task *x = a, *y = b;

	return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

static void stop(void *arg)
{
	cancel_set(arg);
}

int push_blobs_send(struct push_blobs *b, struct err *err)
{
	struct cancel *outer = b->transfer->cancel;
	pthread_t threads[WORKERS];
	size_t started = 0;
	int r = find_sources(b, err);

	if (r)
		return r;
	b->err = err;
	qsort(b->tasks, b->count, sizeof(*b->tasks), push_blobs_larger_first);
	if (outer)
		cancel_on_set(outer, stop, &b->cancel);
	/* The last one is this thread; where no more threads are to be had, it is the only one. */
	while (started + 1 < WORKERS && started + 1 < b->count &&
	       pthread_create(&threads[started], NULL, push_blobs_work, b) == 0)
		started++;
	push_blobs_work(b);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (outer)
		cancel_on_set(outer, NULL, NULL);
	return b->result;
}

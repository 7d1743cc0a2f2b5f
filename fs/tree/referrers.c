/* SPDX-License-Identifier: MIT */
#include "fs/tree/referrers.h"

#include "store/disk/blob.h"
#include "store/base/clock.h"
#include "store/base/map.h"
#include "store/base/stamp.h"
#include "store/disk/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ANSWERS_MAX  4096 /* images of which answers are kept */
#define SUBJECTS_MAX 65536

/* What a document refers to; of one digest it never changes. */
struct subject {
	bool has;
	struct digest digest;
};

/* What is known of one image. */
struct known {
	struct digests digests;
	int64_t asked; /* of an answer: clock_ms() */
	struct timespec changed;
};

struct referrers {
	struct store *store;
	pthread_mutex_t lock; /* guards all that follows */
	struct map *answers;  /* image → struct known, owned */
	struct map *tags;     /* artifact → its tag, owned */
	struct names *names;  /* a reference: what `local` was made of, or NULL */
	struct map *local;    /* image → struct known, owned */
	struct map *subjects; /* digest → struct subject, owned */
};

/* ---- sets of digests ---- */

int digests_add(struct digests *d, const struct digest *digest, struct err *err)
{
	for (size_t i = 0; i < d->count; i++)
		if (digest_equal(&d->at[i], digest))
			return 0;
	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 8;
		struct digest *at = reallocarray(d->at, cap, sizeof(*at));

		if (!at)
			return err_nomem(err);
		d->at = at;
		d->cap = cap;
	}
	d->at[d->count++] = *digest;
	return 0;
}

void digests_clear(struct digests *d)
{
	free(d->at);
	*d = (struct digests){0};
}

/* ---- maps that own what they hold ---- */

static void known_free(void *value)
{
	struct known *k = value;

	if (!k)
		return;
	digests_clear(&k->digests);
	free(k);
}

/* Takes the value, also where it fails. */
static int referrers_put(struct map *m, const char *key, void *value,
			 void (*free_value)(void *value))
{
	void *old = value ? map_remove(m, key, strlen(key)) : NULL;

	if (old)
		free_value(old);
	if (value && map_put(m, key, strlen(key), value) == 0)
		return 0;
	free_value(value);
	return -ENOMEM;
}

int referrers_open(struct store *s, struct referrers **out, struct err *err)
{
	struct referrers *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(err);
	pthread_mutex_init(&t->lock, NULL);
	t->store = s;
	t->answers = map_new();
	t->tags = map_new();
	t->local = map_new();
	t->subjects = map_new();
	if (!t->answers || !t->tags || !t->local || !t->subjects) {
		referrers_close(t);
		return err_nomem(err);
	}
	*out = t;
	return 0;
}

void referrers_close(struct referrers *t)
{
	if (!t)
		return;
	map_free_all(t->answers, known_free);
	map_free_all(t->tags, free);
	map_free_all(t->local, known_free);
	map_free_all(t->subjects, free);
	names_put(t->names);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- what the store has ---- */

static int read_subject(struct store *s, const struct descriptor *d, struct subject *out)
{
	AUTO(manifest_free) struct manifest *m = NULL;
	AUTO(index_free) struct index *i = NULL;
	autobuf body = BUF_INIT;
	int r = blob_read(s, &d->digest, OCI_MANIFEST_MAX, &body, NULL);

	if (r < 0)
		return r;
	*out = (struct subject){0};
	if (oci_type_is_index(d->media_type)) {
		if (index_parse(body.data, body.len, d->media_type, &i, NULL) == 0)
			*out = (struct subject){i->has_subject, i->subject};
	} else if (manifest_parse(body.data, body.len, d->media_type, &m, NULL) == 0) {
		*out = (struct subject){m->has_subject, m->subject};
	}
	return 0;
}

/* Of a document of the store; NULL where that is not there. Under the lock. */
static const struct subject *subject_of(struct referrers *t, const struct descriptor *d)
{
	char key[DIGEST_TEXT_MAX];
	struct subject *s;

	digest_text(&d->digest, key);
	s = map_get(t->subjects, key, strlen(key));
	if (s)
		return s;
	if (map_count(t->subjects) >= SUBJECTS_MAX) {
		map_free_all(t->subjects, free);
		t->subjects = map_new();
	}
	s = t->subjects ? malloc(sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	if (read_subject(t->store, d, s) < 0) {
		free(s);
		return NULL;
	}
	return referrers_put(t->subjects, key, s, free) < 0 ? NULL : s;
}

/* sha256-HEX.sig and the like: the digest that it is of. */
static bool digest_of_tag(const char *tag, struct digest *out)
{
	static const char *const suffixes[] = {".sig", ".att", ".sbom"};
	char text[DIGEST_TEXT_MAX];

	for (size_t i = 0; tag && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		const char *end = strrchr(tag, '.');
		int len = end ? (int)(end - tag) : 0;

		if (!end || strcmp(end, suffixes[i]) != 0 || strncmp(tag, "sha256-", 7) != 0)
			continue;
		snprintf(text, sizeof(text), "sha256:%.*s", len - 7, tag + 7);
		return digest_parse(text, out, NULL) == 0;
	}
	return false;
}

/* "docker.io/library/redis@sha256:…", which the caller frees. */
static char *key_of(const struct ref *repository, const struct digest *digest)
{
	struct ref r = *repository; /* borrows the strings */

	r.has_digest = true;
	r.digest = *digest;
	return ref_full(&r);
}

static int add_local(struct referrers *t, const struct ref *repository, const struct digest *image,
		     const struct name *name)
{
	autofree char *key = key_of(repository, image);
	struct known *k = key ? map_get(t->local, key, strlen(key)) : NULL;
	const struct timespec *at = &name->pulled;

	if (!key)
		return -ENOMEM;
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (referrers_put(t->local, key, k, known_free) < 0)
			return -ENOMEM;
	}
	if (stamp_is_later(*at, k->changed))
		k->changed = *at;
	return digests_add(&k->digests, &name->descriptor.digest, NULL);
}

static int referrers_take_name(struct referrers *t, const struct name *name)
{
	const struct subject *s;
	autoref ref = REF_INIT;
	struct digest image;
	int r = 0;

	if (ref_parse(name->reference, &ref, NULL) < 0)
		return 0;
	if (digest_of_tag(ref.tag, &image))
		r = add_local(t, &ref, &image, name);
	s = subject_of(t, &name->descriptor);
	if (!r && s && s->has)
		r = add_local(t, &ref, &s->digest, name);
	return r;
}

/* Makes `local` anew where the names have changed. Under the lock. What cannot be read is not
 * known: this is asked where nobody waits for an error. */
static void refresh_local(struct referrers *t)
{
	struct names *names;
	int r = names_get(t->store, &names, NULL);

	if (r < 0)
		return;
	if (names == t->names) {
		names_put(names);
		return;
	}
	names_put(t->names);
	t->names = names;
	map_free_all(t->local, known_free);
	t->local = map_new();
	for (size_t i = 0; t->local && !r && i < names_count(names); i++)
		r = referrers_take_name(t, names_at(names, i));
}

/* ---- what registries have answered ---- */

static struct known *referrers_find(const struct map *m, const struct ref *image)
{
	autofree char *key = key_of(image, &image->digest);

	return m && key ? map_get(m, key, strlen(key)) : NULL;
}

bool referrers_fresh(struct referrers *t, const struct ref *image)
{
	const struct known *k;
	bool fresh;

	pthread_mutex_lock(&t->lock);
	k = referrers_find(t->answers, image);
	fresh = k && clock_ms() - k->asked < REFERRERS_FRESH_MS;
	pthread_mutex_unlock(&t->lock);
	return fresh;
}

static bool same(const struct digests *a, const struct digests *b)
{
	return a->count == b->count &&
	       (a->count == 0 || !memcmp(a->at, b->at, a->count * sizeof(*a->at)));
}

/* The tags through which artifacts are fetched, so that they are recorded under them. */
static void keep_tag(struct referrers *t, const struct ref *image, const struct referrer *r)
{
	autofree char *key = r->tag ? key_of(image, &r->descriptor.digest) : NULL;

	if (key && map_count(t->tags) < ANSWERS_MAX)
		referrers_put(t->tags, key, strdup(r->tag), free);
}

static struct known *known_of(struct referrers *t, const struct ref *image,
			      const struct referrer_list *list)
{
	struct known *k = calloc(1, sizeof(*k));

	for (size_t i = 0; k && i < list->count; i++) {
		keep_tag(t, image, &list->at[i]);
		if (digests_add(&k->digests, &list->at[i].descriptor.digest, NULL) < 0) {
			known_free(k);
			return NULL;
		}
	}
	if (k)
		clock_gettime(CLOCK_REALTIME, &k->changed);
	return k;
}

/* When there is no room, all that is too old goes; if that is nothing, all. */
static void referrers_make_room(struct referrers *t)
{
	struct map *kept = map_new();
	const void *key;
	size_t iter = 0, len;
	void *value;

	while (kept && map_next(t->answers, &iter, &key, &len, &value)) {
		struct known *k = value;

		if (clock_ms() - k->asked >= REFERRERS_FRESH_MS ||
		    map_count(kept) >= ANSWERS_MAX / 2 || map_put(kept, key, len, k) < 0)
			known_free(k);
	}
	if (!kept)
		return;
	map_free(t->answers);
	t->answers = kept;
}

void referrers_keep(struct referrers *t, const struct ref *image, const struct referrer_list *list)
{
	static const struct referrer_list nothing;
	autofree char *key = key_of(image, &image->digest);
	struct known *old, *k;

	if (!key)
		return;
	pthread_mutex_lock(&t->lock);
	old = map_get(t->answers, key, strlen(key));
	k = old && !list ? NULL : known_of(t, image, list ? list : &nothing);
	if (k) {
		if (old && same(&old->digests, &k->digests))
			k->changed = old->changed;
		if (map_count(t->answers) >= ANSWERS_MAX)
			referrers_make_room(t);
		k->asked = clock_ms();
		referrers_put(t->answers, key, k, known_free);
	} else if (old) {
		old->asked = clock_ms();
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- what is known ---- */

/* A registry's list may hold anything; what is here says itself what it refers to. Under the
 * lock. */
static bool refers_elsewhere(struct referrers *t, const struct digest *artifact,
			     const struct digest *image)
{
	char key[DIGEST_TEXT_MAX];
	const struct subject *s;

	digest_text(artifact, key);
	s = map_get(t->subjects, key, strlen(key));
	return s && s->has && !digest_equal(&s->digest, image);
}

int referrers_known(struct referrers *t, const struct ref *image, struct digests *out,
		    struct err *err)
{
	const struct known *k;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	refresh_local(t);
	k = referrers_find(t->local, image);
	for (size_t i = 0; !r && k && i < k->digests.count; i++)
		r = digests_add(out, &k->digests.at[i], err);
	k = referrers_find(t->answers, image);
	for (size_t i = 0; !r && k && i < k->digests.count; i++)
		if (!refers_elsewhere(t, &k->digests.at[i], &image->digest))
			r = digests_add(out, &k->digests.at[i], err);
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool referrers_changed(struct referrers *t, const struct ref *image, struct timespec *out)
{
	const struct known *k;
	bool any = false;

	*out = (struct timespec){0};
	pthread_mutex_lock(&t->lock);
	refresh_local(t);
	for (int which = 0; which < 2; which++) {
		k = referrers_find(which ? t->answers : t->local, image);
		if (!k || !k->digests.count)
			continue;
		any = true;
		if (stamp_is_later(k->changed, *out))
			*out = k->changed;
	}
	pthread_mutex_unlock(&t->lock);
	return any;
}

char *referrers_tag(struct referrers *t, const struct ref *artifact)
{
	autofree char *key = key_of(artifact, &artifact->digest);
	const char *tag;
	char *copy;

	pthread_mutex_lock(&t->lock);
	tag = key ? map_get(t->tags, key, strlen(key)) : NULL;
	copy = tag ? strdup(tag) : NULL;
	pthread_mutex_unlock(&t->lock);
	return copy;
}

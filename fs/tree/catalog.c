/* SPDX-License-Identifier: MIT */
#include "fs/tree/catalog.h"

#include "store/disk/blob.h"
#include "store/oci/ref.h"
#include "store/base/map.h"
#include "store/base/stamp.h"

#include <assert.h>
#include <errno.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct catalog {
	atomic_uint refs;
	struct names *names;	       /* a reference: what the entries borrow from */
	struct catalog_entry *entries; /* owned; by repository, then tag, bytewise */
	size_t count;
	struct timespec changed;
};

struct catalogs {
	pthread_mutex_t lock;
	struct catalog *last; /* a reference, under lock */
	void (*renewed)(void *arg, const struct catalog *old, const struct catalog *new);
	void *renewed_arg;
	void (*noticed)(void *arg, const struct err *notice);
	void *noticed_arg;
};

int catalogs_open(struct catalogs **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_nomem(err);
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

void catalogs_close(struct catalogs *c)
{
	if (!c)
		return;
	catalog_put(c->last);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct catalog *catalog_ref(struct catalog *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void catalog_put(struct catalog *c)
{
	unsigned before = c ? atomic_fetch_sub(&c->refs, 1) : 0;

	assert(!c || before > 0);
	if (before != 1)
		return;
	for (size_t i = 0; i < c->count; i++) {
		free(c->entries[i].repository);
		free(c->entries[i].tag);
	}
	free(c->entries);
	names_put(c->names);
	free(c);
}

static int compare_entries(const void *a, const void *b)
{
	const struct catalog_entry *x = a, *y = b;
	int r = strcmp(x->repository, y->repository);

	return r ? r : strcmp(x->tag, y->tag);
}

/* Names that are no full reference (other programs write such) have no place. */
static int catalog_add_entry(struct catalog *c, const struct name *name, struct err *err)
{
	struct catalog_entry *e = &c->entries[c->count];
	autofree char *full = NULL;
	autoref ref = REF_INIT;

	int r = ref_parse(name->reference, &ref, NULL);

	if (r < 0)
		return r == -ENOMEM ? err_nomem(err) : 0;
	full = ref_full(&ref);
	if (!full)
		return err_nomem(err);
	if (strcmp(full, name->reference) != 0)
		return 0;
	e->repository = ref_familiar_repository(&ref);
	e->tag = strdup(ref.has_digest ? "" : ref.tag);
	e->name = name;
	c->count++;
	return e->repository && e->tag ? 0 : err_nomem(err);
}

static int catalog_new(struct names *names, struct catalog **out, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c) {
		names_put(names);
		return err_nomem(err);
	}
	atomic_init(&c->refs, 1);
	c->names = names;
	c->entries = calloc(names_count(names) + 1, sizeof(*c->entries));
	if (!c->entries)
		return err_nomem(err);
	for (size_t i = 0; !r && i < names_count(names); i++)
		r = catalog_add_entry(c, names_at(names, i), err);
	if (r < 0)
		return r;
	qsort(c->entries, c->count, sizeof(*c->entries), compare_entries);
	*out = steal(&c);
	return 0;
}

void catalogs_watch(struct catalogs *cache,
		    void (*renewed)(void *arg, const struct catalog *old,
				    const struct catalog *new),
		    void *arg)
{
	cache->renewed = renewed;
	cache->renewed_arg = arg;
}

void catalogs_watch_notices(struct catalogs *cache,
			    void (*noticed)(void *arg, const struct err *notice), void *arg)
{
	cache->noticed = noticed;
	cache->noticed_arg = arg;
}

/* Under the lock. *old: the one before, where it was another; the caller's. */
static int catalogs_renew(struct catalogs *cache, struct store *s, struct catalog **old,
			  bool *renewed, struct err *err)
{
	struct names *names;
	struct catalog *c = NULL, *last = cache->last;
	int r = names_get(s, &names, err);

	if (r < 0)
		return r;
	if (last && last->names == names) {
		names_put(names);
		return 0;
	}
	r = catalog_new(names, &c, err);
	if (r < 0)
		return r;
	c->changed =
	    last ? stamp_behind(last->changed, names_changed(names)) : names_changed(names);
	cache->last = c;
	*old = last;
	*renewed = true;
	return 0;
}

/* The names are taken under the lock, too: so catalogs come in their order. */
int catalog_get(struct catalogs *cache, struct store *s, struct catalog **out, struct err *err)
{
	struct catalog *old = NULL;
	const struct err *notice = NULL;
	bool renewed = false;
	int r;

	pthread_mutex_lock(&cache->lock);
	r = catalogs_renew(cache, s, &old, &renewed, err);
	if (!r)
		*out = catalog_ref(cache->last);
	pthread_mutex_unlock(&cache->lock);
	if (old && cache->renewed)
		cache->renewed(cache->renewed_arg, old, *out);
	if (renewed)
		notice = names_notice((*out)->names);
	if (notice && cache->noticed)
		cache->noticed(cache->noticed_arg, notice);
	catalog_put(old);
	return r;
}

struct timespec catalog_changed(const struct catalog *c)
{
	return c->changed;
}

size_t catalog_count(const struct catalog *c)
{
	return c->count;
}

const struct catalog_entry *catalog_at(const struct catalog *c, size_t i)
{
	assert(i < c->count);
	return &c->entries[i];
}

/* The first entry that is not before (repository, tag). */
static size_t lower_bound(const struct catalog *c, const char *repository, const char *tag)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct catalog_entry *e = &c->entries[mid];
		int r = strcmp(e->repository, repository);

		if (r < 0 || (r == 0 && strcmp(e->tag, tag) < 0))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct catalog_entry *catalog_repository(const struct catalog *c, const char *repository,
					       size_t *count)
{
	size_t first = lower_bound(c, repository, "");
	size_t end = first;

	while (end < c->count && !strcmp(c->entries[end].repository, repository))
		end++;
	*count = end - first;
	return &c->entries[first];
}

/* What of a repository lies below the place: "" for the place itself, NULL where it does not. */
static const char *below(const char *repository, const char *place)
{
	size_t len = strlen(place);

	if (len == 0)
		return repository;
	if (strncmp(repository, place, len) != 0)
		return NULL;
	if (repository[len] == '\0')
		return "";
	return repository[len] == '/' ? repository + len + 1 : NULL;
}

bool catalog_leads(const struct catalog *c, const char *place)
{
	/* What sorts between the place and what lies below it ("a" < "a-b" < "a/b") begins with the
	 * place, too. */
	for (size_t i = lower_bound(c, place, ""); i < c->count; i++) {
		const char *repository = c->entries[i].repository;

		if (strncmp(repository, place, strlen(place)) != 0)
			return false;
		if (below(repository, place))
			return true;
	}
	return false;
}

const struct catalog_entry *catalog_tag(const struct catalog *c, const char *repository,
					const char *tag)
{
	size_t i = lower_bound(c, repository, tag);

	if (i == c->count || strcmp(c->entries[i].repository, repository) != 0 ||
	    strcmp(c->entries[i].tag, tag) != 0)
		return NULL;
	return &c->entries[i];
}

bool catalog_digest(const struct catalog *c, const char *repository, const struct digest *d)
{
	size_t count;
	const struct catalog_entry *e = catalog_repository(c, repository, &count);

	for (size_t i = 0; i < count; i++)
		if (digest_equal(&e[i].name->descriptor.digest, d))
			return true;
	return false;
}

/* Adds a name once; `seen` remembers. */
static void list_once(struct map *seen, struct listing *out, const char *name, size_t len,
		      unsigned char type)
{
	autofree char *copy = strndup(name, len);

	if (!len || !copy || map_get(seen, name, len) || map_put(seen, name, len, seen) < 0)
		return;
	listing_add(out, copy, type);
}

static int child_of(struct store *s, const struct descriptor *top, const struct digest *d,
		    struct descriptor *out, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	autobuf body = BUF_INIT;
	int r = oci_type_is_index(top->media_type)
		    ? blob_read(s, &top->digest, OCI_MANIFEST_MAX, &body, err)
		    : -ENOENT;

	if (!r)
		r = index_parse(body.data, body.len, top->media_type, &index, err);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	for (size_t k = 0; k < index->count; k++)
		if (digest_equal(&index->manifests[k].digest, d))
			return descriptor_copy(out, &index->manifests[k], err);
	return -ENOENT;
}

int catalog_child(const struct catalog *c, struct store *s, const char *repository,
		  const struct digest *d, struct descriptor *out, struct err *err)
{
	size_t count;
	const struct catalog_entry *e = catalog_repository(c, repository, &count);
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < count; i++)
		r = child_of(s, &e[i].name->descriptor, d, out, err);
	return r;
}

const char *catalog_place(const struct catalog *c, struct store *s, const struct digest *d)
{
	for (size_t i = 0; i < c->count; i++)
		if (digest_equal(&c->entries[i].name->descriptor.digest, d))
			return c->entries[i].repository;
	for (size_t i = 0; i < c->count; i++) {
		struct descriptor child = {0};
		int r = child_of(s, &c->entries[i].name->descriptor, d, &child, NULL);

		descriptor_clear(&child);
		if (!r)
			return c->entries[i].repository;
	}
	return NULL;
}

void catalog_list(const struct catalog *c, const char *place, struct listing *out)
{
	struct map *seen = map_new();
	char text[DIGEST_TEXT_MAX];
	size_t count;
	const struct catalog_entry *e = catalog_repository(c, place, &count);

	if (!seen) {
		out->names.failed = true;
		return;
	}
	/* First what lies below: where a/b is a repository and tag b of a, the name is the
	 * repository. */
	for (size_t i = lower_bound(c, place, ""); i < c->count; i++) {
		const char *rest = below(c->entries[i].repository, place);

		if (strncmp(c->entries[i].repository, place, strlen(place)) != 0)
			break;
		if (rest && *rest)
			list_once(seen, out, rest, strcspn(rest, "/"), DT_DIR);
	}
	for (size_t i = 0; i < count; i++) {
		list_once(seen, out, e[i].tag, strlen(e[i].tag), DT_LNK);
		digest_text(&e[i].name->descriptor.digest, text);
		list_once(seen, out, text, strlen(text), DT_DIR);
	}
	map_free(seen);
}

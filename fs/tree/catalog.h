/* SPDX-License-Identifier: MIT */
/*
 * The names of the store as places of the tree: repositories in docker's familiar
 * form ("redis", "ghcr.io/org/app") with their tags and digests, sorted. A catalog never changes, is
 * shared and counted; a new one is made when the names have changed. A place is "" (images/ itself),
 * a repository, or a path that leads to one. Thread safe.
 */
#ifndef FS_CATALOG_H
#define FS_CATALOG_H

#include "fs/core/vnode.h"
#include "store/base/digest.h"
#include "store/disk/names.h"

#include <time.h>

struct catalog_entry {
	char *repository;	 /* owned: familiar form */
	char *tag;		 /* owned; "" for an image that is named by its digest */
	const struct name *name; /* borrowed from the snapshot of the names */
};

struct catalog;
struct catalogs; /* the cache of the last one */

int catalogs_open(struct catalogs **out, struct err *err);
void catalogs_close(struct catalogs *c); /* NULL is allowed */

/* Has `renewed` called with each new catalog and the one before, with no lock held, so that what is gone
 * can be let go of. To be set before the first catalog_get. */
void catalogs_watch(struct catalogs *cache,
		    void (*renewed)(void *arg, const struct catalog *old,
				    const struct catalog *new),
		    void *arg);

/* Has `noticed` called, with no lock held, where names_notice() has something to say of a new catalog's
 * file. To be set before the first catalog_get. */
void catalogs_watch_notices(struct catalogs *cache,
			    void (*noticed)(void *arg, const struct err *notice), void *arg);

/* *out is a reference to the catalog of the names as they are now. */
int catalog_get(struct catalogs *cache, struct store *s, struct catalog **out, struct err *err);
struct catalog *catalog_ref(struct catalog *c);
void catalog_put(struct catalog *c); /* NULL is allowed */
DEFINE_AUTO(struct catalog, catalog_put)

/* When the names were changed; a time that is later with each catalog. */
struct timespec catalog_changed(const struct catalog *c);

/* All entries, sorted by repository and tag. */
size_t catalog_count(const struct catalog *c);
const struct catalog_entry *catalog_at(const struct catalog *c, size_t i);

/* The entries of exactly this repository: the first of them, and how many; 0: the first is no entry. */
const struct catalog_entry *catalog_repository(const struct catalog *c, const char *repository,
					       size_t *count);
/* True where a repository lies at or below the place. */
bool catalog_leads(const struct catalog *c, const char *place);

const struct catalog_entry *catalog_tag(const struct catalog *c, const char *repository,
					const char *tag); /* or NULL */
/* Whether the repository has a name for the digest itself. */
bool catalog_digest(const struct catalog *c, const char *repository, const struct digest *d);

/* The descriptor of that digest in one of the repository's indexes; the caller clears it. -ENOENT. */
int catalog_child(const struct catalog *c, struct store *s, const char *repository,
		  const struct digest *d, struct descriptor *out, struct err *err);

/* The first repository that names the digest, else the first with an index that does, or NULL. */
const char *catalog_place(const struct catalog *c, struct store *s, const struct digest *d);

/* Adds the place's tags and digests, and the next component of each repository below it. */
void catalog_list(const struct catalog *c, const char *place, struct listing *out);

#endif

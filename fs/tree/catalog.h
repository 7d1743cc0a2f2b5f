/* SPDX-License-Identifier: MIT */
/*
 * The names of the store as places of the tree: repositories in docker's familiar
 * form ("redis", "ghcr.io/org/app") with their tags and digests, sorted. Made anew when the names
 * have changed, shared in between; constant and counted. A place is "" (images/ itself), a
 * repository, or a path that leads to one.
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
	const struct name *name; /* of the snapshot */
};

struct catalog;
struct catalogs; /* the cache of the last one */

int catalogs_open(struct catalogs **out, struct err *err);
void catalogs_close(struct catalogs *c); /* NULL is allowed */

/* Told of each new catalog and the one before, with no lock held: what is gone can be let go of.
 * Set before the first catalog_get. */
void catalogs_watch(struct catalogs *cache,
		    void (*renewed)(void *arg, const struct catalog *old,
				    const struct catalog *new),
		    void *arg);

/* Told what is to be said of the names' file (names_notice()), of each new catalog, with no lock held. Set as the above. */
void catalogs_watch_notices(struct catalogs *cache,
			    void (*noticed)(void *arg, const struct err *notice), void *arg);

int catalog_get(struct catalogs *cache, struct store *s, struct catalog **out, struct err *err);
struct catalog *catalog_ref(struct catalog *c);
void catalog_put(struct catalog *c); /* NULL is allowed */
DEFINE_AUTO(struct catalog, catalog_put)

/* Later with each catalog: when the names were changed, or just behind that of the last one. */
struct timespec catalog_changed(const struct catalog *c);

/* All of them, sorted by repository and tag. */
size_t catalog_count(const struct catalog *c);
const struct catalog_entry *catalog_at(const struct catalog *c, size_t i);

/* The entries of exactly this repository: the first of them, and how many. */
const struct catalog_entry *catalog_repository(const struct catalog *c, const char *repository,
					       size_t *count);
/* True where a repository lies at or below the place. */
bool catalog_leads(const struct catalog *c, const char *place);

const struct catalog_entry *catalog_tag(const struct catalog *c, const char *repository,
					const char *tag); /* or NULL */
bool catalog_digest(const struct catalog *c, const char *repository, const struct digest *d);

/* The document of that digest among those that the repository's indexes name: its descriptor, which
 * the caller clears; -ENOENT. */
int catalog_child(const struct catalog *c, struct store *s, const char *repository,
		  const struct digest *d, struct descriptor *out, struct err *err);

/* The first repository that names the digest, else the first with an index that does, or NULL. */
const char *catalog_place(const struct catalog *c, struct store *s, const struct digest *d);

/* Adds tags, digests, and the next components of what lies below. */
void catalog_list(const struct catalog *c, const char *place, struct listing *out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Walks from a descriptor through indexes and manifests to configs and layers. Documents that the
 * store lacks lead nowhere (of an index only the platforms that were pulled are here). Each digest
 * is visited once in a walk. One thread at a time.
 */
#ifndef STORE_REACH_H
#define STORE_REACH_H

#include "store/oci/oci.h"
#include "store/disk/store.h"

struct reach;
int reach_open(struct store *s, struct reach **out, struct err *err);
void reach_close(struct reach *reach); /* NULL is allowed */

/* From now on a document that is damaged, or that the disk does not give, is visited and leads nowhere.
 * For a walk that looks for damage. */
void reach_pass_damage(struct reach *reach);
DEFINE_AUTO(struct reach, reach_close)

/*
 * Visits a descriptor and all below it that this walk has not seen. `m` is the document of a
 * manifest that is there, else NULL; `d` and `m` hold during the call. A visit that returns something
 * other than 0 ends the walk with that. So does a document that is damaged or cannot be understood,
 * with its error: it is not known what that needs.
 */
typedef int (*reach_visit)(void *arg, const struct descriptor *d, const struct manifest *m,
			   struct err *err);
int reach_walk(struct reach *reach, const struct descriptor *top, reach_visit visit, void *arg,
	       struct err *err);

bool reach_seen(const struct reach *reach, const struct digest *digest);
int reach_mark(struct reach *reach, const struct digest *digest, struct err *err); /* as seen */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What is known of the artifacts that refer to images: those that the store has a name for (their
 * subject is the image, or their tag is one of cosign's for it), and what registries have answered.
 * An answer holds for a minute. After that it is kept, as what was known last, as long as there is
 * room. Thread safe.
 */
#ifndef FS_REFERRERS_H
#define FS_REFERRERS_H

#include "registry/api/api_referrers.h"
#include "store/disk/store.h"

#include <time.h>

#define REFERRERS_FRESH_MS 60000

struct referrers;

int referrers_open(struct store *s, struct referrers **out, struct err *err);
void referrers_close(struct referrers *t); /* NULL is allowed */

/* Images and artifacts are given as references by digest. */

/* Whether a registry was asked less than a minute ago. */
bool referrers_fresh(struct referrers *t, const struct ref *image);

/* Keeps an answer. List NULL: the registry gave none, and what is known holds for another minute. */
void referrers_keep(struct referrers *t, const struct ref *image, const struct referrer_list *list);

/* A set of digests, each once. */
struct digests {
	struct digest *at; /* owned */
	size_t count, cap;
};
int digests_add(struct digests *d, const struct digest *digest, struct err *err);
void digests_clear(struct digests *d);
#define autodigests __attribute__((cleanup(digests_clear))) struct digests

/* Adds all that is known of an image. */
int referrers_known(struct referrers *t, const struct ref *image, struct digests *out,
		    struct err *err);

/* When what is known of an image changed last. False where nothing is known. */
bool referrers_changed(struct referrers *t, const struct ref *image, struct timespec *out);

/* The tag through which a registry has named an artifact, which the caller frees; or NULL. */
char *referrers_tag(struct referrers *t, const struct ref *artifact);

#endif

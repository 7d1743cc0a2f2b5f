/* SPDX-License-Identifier: MIT */
/*
 * What a user's word means in the store: a reference, familiar or full, or an image's ID. An ID is the
 * digest of the config, manifest or index, or the 1 to 64 hexadecimal digits that such a digest of one
 * image alone begins with. A reference goes before an ID. Owns a snapshot of the names.
 */
#ifndef FS_RESOLVE_H
#define FS_RESOLVE_H

#include "store/disk/names.h"
#include "store/oci/platform.h"
#include "store/disk/store.h"
#include "store/images/image.h"

struct resolved {
	struct names *names;	  /* a reference */
	const struct name **list; /* owned: the names that are meant, at least one */
	size_t count;
	struct digest digest; /* of what the first of them names; an ID may mean several */
	bool by_id;	      /* the word was no name */
};

/* -ENOENT "No such image: redis:7"; -EINVAL for a word that can be neither, or digits that mean
 * several images. */
int resolve(struct store *s, const struct platform *platform, const char *word,
	    struct resolved *out, struct err *err);
void resolved_clear(struct resolved *found);
#define autoresolved __attribute__((cleanup(resolved_clear))) struct resolved

/* The one image that a word means, of a platform: strictly of `platform` where that is not NULL, else
 * of `ours`. `names` may be NULL; *names is a reference to the names that it was found by. -ENOENT:
 * there is none, or it is no image. */
int resolve_image(struct store *s, const struct platform *ours, const char *word,
		  const char *platform, struct names **names, struct image **out, struct err *err);

#endif

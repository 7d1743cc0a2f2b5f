/* SPDX-License-Identifier: MIT */
/*
 * What `docker image inspect` prints of an image: an array of one object, indented by 4 spaces,
 * with docker's keys in docker's order (API 1.52: what is empty is left out). Id is the digest of
 * the config, Size that of store/images/image.h, Descriptor that of what the names name.
 */
#ifndef FS_INSPECT_H
#define FS_INSPECT_H

#include "store/base/buf.h"
#include "store/images/image.h"
#include "store/disk/names.h"

/* The object of one image, a new reference; NULL: out of memory. `names` may be NULL, as below. */
struct json_object *inspect_object(struct store *s, const struct image *i,
				   const struct names *names);

/* `names` may be NULL: then RepoTags and RepoDigests are empty. -ENOMEM. */
int inspect_json(struct store *s, const struct image *i, const struct names *names, struct buf *out,
		 struct err *err);

/* For -f alone: changes the object into what docker's templates see, Go's struct, with its own names
 * (.ID, .Descriptor.Digest), members that JSON leaves out, durations and times. */
void inspect_as_struct(struct json_object *o);

#endif

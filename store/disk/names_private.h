/* SPDX-License-Identifier: MIT */
/*
 * What names.c, which reads index.json, and names_edit.c, which changes it, share.
 */
#ifndef STORE_NAMES_PRIVATE_H
#define STORE_NAMES_PRIVATE_H

#include "store/disk/names.h"

#include <sys/stat.h>

#define NAMES_PULLED	"org.imagefs.pulled"
#define NAMES_DANGLING	"org.imagefs.dangling"
#define NAMES_LOOKED_UP "org.imagefs.looked-up"

/* The document and its array of descriptors (NULL where Go wrote null for an empty one). What
 * cannot be understood is -EBADMSG: never an empty store. */
int names_read_index(struct store *s, struct json_object **doc, struct json_object **manifests,
		     struct stat *file, struct err *err);

int name_parse(struct store *s, const struct json_object *o, struct name *out, struct err *err);
void name_clear(struct name *n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The reference that a descriptor of index.json stands for. imagefs writes full references; other
 * programs write a bare tag (skopeo, umoci, buildah), a familiar name, or nothing, and docker and
 * buildx put the reference into an annotation of their own. Pure.
 */
#ifndef STORE_LAYOUT_NAME_H
#define STORE_LAYOUT_NAME_H

#include "store/base/digest.h"
#include "store/base/err.h"

#include <json-c/json.h>

#define LAYOUT_REFERENCE "org.opencontainers.image.ref.name"

/* The full reference that the annotations (NULL: none) give, or *out is NULL:
 * io.containerd.image.name where it is a reference, else LAYOUT_REFERENCE, where it is a full
 * reference or a familiar one with a tag or digest. *out is the caller's to free. */
int layout_reference(const struct json_object *annotations, char **out, struct err *err);

/* That, or what makes up for it: a bare tag in LAYOUT_REFERENCE is localhost/DIRECTORY:TAG; else it
 * is localhost/DIRECTORY@DIGEST. DIRECTORY is the last component of the layout's path, made fit for
 * a repository. */
int layout_name(const struct json_object *annotations, const struct digest *digest,
		const char *path, char **out, struct err *err);

#endif

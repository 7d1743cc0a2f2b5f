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

/* Sets *out to the full reference that the annotations (NULL: none) give; the caller frees it. That is
 * io.containerd.image.name if it is a reference, else LAYOUT_REFERENCE if it is one and no bare tag,
 * else NULL. */
int layout_reference(const struct json_object *annotations, char **out, struct err *err);

/* The same, but never NULL: for a bare tag in LAYOUT_REFERENCE it is localhost/DIRECTORY:TAG, else
 * localhost/DIRECTORY@DIGEST. DIRECTORY is the last component of `path`, the layout's, made fit for a
 * repository. */
int layout_name(const struct json_object *annotations, const struct digest *digest,
		const char *path, char **out, struct err *err);

#endif

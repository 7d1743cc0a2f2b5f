/* SPDX-License-Identifier: MIT */
/*
 * The reference that a descriptor of index.json stands for. imagefs writes full references; other
 * programs write a bare tag (skopeo, umoci, buildah), a familiar name, or nothing, and docker and
 * buildx put the reference into an annotation of their own. Pure.
 */
#ifndef STORE_LAYOUT_NAME_H
#define STORE_LAYOUT_NAME_H

#include "store/digest.h"
#include "store/err.h"

#include <json-c/json.h>

#define LAYOUT_REFERENCE "org.opencontainers.image.ref.name"

/*
 * By its annotations (NULL: none), the first that there is: io.containerd.image.name where it is a
 * reference; LAYOUT_REFERENCE, where it is a full reference or a familiar one with a tag or digest;
 * a bare tag in there as localhost/DIRECTORY:TAG; else localhost/DIRECTORY@DIGEST. DIRECTORY is the
 * last component of the layout's path, made fit for a repository. *out is the caller's to free.
 */
int layout_name(const struct json_object *annotations, const struct digest *digest,
		const char *path, char **out, struct err *err);

#endif

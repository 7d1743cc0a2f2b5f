/* SPDX-License-Identifier: MIT */
/*
 * A Dockerfile that an image may have been made by, as its history and its config tell. It is for who
 * wants to know what was done: names of copied files are not in a history, and where the base image
 * ends and the build begins is not either, so all begins with FROM scratch. Who made the image wrote
 * the texts: none of them reaches a terminal as a control code, or ends the instruction that it is in.
 * Pure.
 */
#ifndef FS_RECIPE_H
#define FS_RECIPE_H

#include "store/base/buf.h"
#include "store/oci/oci.h"

/* Appends it. `annotations` of the manifest may name the base; or NULL. -EFBIG: it has more bytes than a value
 * of JSON may have (json_text.h). */
int recipe_print(const struct config *c, const struct json_object *annotations, struct buf *out,
		 struct err *err);

#endif

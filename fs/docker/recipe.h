/* SPDX-License-Identifier: MIT */
/*
 * A Dockerfile that an image may have been made by, as its history and its config tell. It shows a
 * reader what was done, but builds nothing: a history has no names of copied files, and does not say
 * where the base image ends, so all begins with FROM scratch. The texts are a stranger's: none of them
 * reaches a terminal as a control code, or ends the instruction that it is in. Pure.
 */
#ifndef FS_RECIPE_H
#define FS_RECIPE_H

#include "store/base/buf.h"
#include "store/oci/oci.h"

/* Appends the Dockerfile. The manifest's `annotations` may name the base; NULL: there are none. -EFBIG:
 * it has more than JSON_TEXT_MAX bytes (json_text.h). */
int recipe_print(const struct config *c, const struct json_object *annotations, struct buf *out,
		 struct err *err);

#endif

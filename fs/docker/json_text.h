/* SPDX-License-Identifier: MIT */
/*
 * JSON documents as Go's encoding/json writes them, so that what docker prints can be compared
 * with ours byte for byte: members in the order in which they stand, one space behind a colon
 * where indented, [] and {} where empty, and its way of escaping strings. Pure.
 */
#ifndef FS_JSON_TEXT_H
#define FS_JSON_TEXT_H

#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/base/json.h"

#define JSON_TEXT_MAX (16u << 20) /* bytes of one value */

enum json_text_escape {
	JSON_TEXT_PLAIN,
	JSON_TEXT_HTML, /* < > & as \u003c \u003e \u0026: Go's default, what --format json gives */
};

/*
 * Appends a value on one line, or with each member on its own, indented by 4 spaces. -EFBIG where
 * that is more than JSON_TEXT_MAX; out then has a beginning that is longer. (A stranger's config may
 * have 4 MiB, and indentation makes a hundred of them.)
 */
int json_text_line(struct buf *out, struct json_object *value, enum json_text_escape escape,
		   struct err *err);
int json_text_indented(struct buf *out, struct json_object *value, enum json_text_escape escape,
		       struct err *err);

#endif

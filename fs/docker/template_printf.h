/* SPDX-License-Identifier: MIT */
/*
 * printf of Go templates: %s %v %d %q %x %t and %%, with width, precision (in characters) and the
 * flags
 * - and 0. Pure.
 */
#ifndef FS_TEMPLATE_PRINTF_H
#define FS_TEMPLATE_PRINTF_H

#include "store/base/buf.h"

#include <json-c/json.h>
#include <stdbool.h>

/* False where the format is none of that, or wants more values than there are. Ends early where the
 * text has become longer than TEMPLATE_TEXT_MAX. */
bool template_printf(struct buf *out, const char *format, struct json_object *const *args,
		     size_t count);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * printf of Go templates, as package fmt has it: its verbs, flags, widths, [n] and *, and what it
 * puts into the text where a verb and its value do not fit. Pure.
 */
#ifndef FS_TEMPLATE_PRINTF_H
#define FS_TEMPLATE_PRINTF_H

#include "store/base/buf.h"

#include <json-c/json.h>
#include <stddef.h>

/* Ends early where the text has become longer than TEMPLATE_TEXT_MAX. */
void template_printf(struct buf *out, const char *format, struct json_object *const *args,
		     size_t count);

#endif

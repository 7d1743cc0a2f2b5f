/* SPDX-License-Identifier: MIT */
/* A string of JSON (RFC 8259, 7): its end, its UTF-8 and its escapes. Pure. */
#ifndef STORE_JSON_QUOTED_H
#define STORE_JSON_QUOTED_H

#include "store/base/buf.h"

/* From the quote at *p to behind the other; what it says goes to *out, where that is given. The rule
 * that the string breaks, at *p, or NULL. */
const char *json_quoted_read(const unsigned char **p, const unsigned char *end, struct buf *out);

/* How many bytes from p on are ASCII that stands for itself in a string: no quote, no backslash, no
 * control character. */
size_t json_quoted_plain(const unsigned char *p, size_t len);

#endif

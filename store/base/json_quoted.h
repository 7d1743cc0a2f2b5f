/* SPDX-License-Identifier: MIT */
/* A string of JSON (RFC 8259, 7): its end, its UTF-8 and its escapes. Pure. */
#ifndef STORE_JSON_QUOTED_H
#define STORE_JSON_QUOTED_H

#include "store/base/buf.h"

/* Reads a string: *p goes from its opening quote to behind the closing one. Its text, escapes resolved,
 * is appended to *out (NULL: dropped). Returns NULL, or the rule that it breaks, with *p there. */
const char *json_quoted_read(const unsigned char **p, const unsigned char *end, struct buf *out);

/* How many bytes from p on are ASCII, and no quote, backslash or control character. */
size_t json_quoted_plain(const unsigned char *p, size_t len);

#endif

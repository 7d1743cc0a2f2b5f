/* SPDX-License-Identifier: MIT */
/*
 * Text that may be UTF-8: layers may have names of files in any bytes. Pure.
 */
#ifndef STORE_UTF8_H
#define STORE_UTF8_H

#include "store/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets *code to the first UTF-8 character (RFC 3629: the shortest form, no surrogates) and returns its
 * length; 0: there is none. len >= 1; for a text that ends with a NUL it may be UTF8_MAX. */
#define UTF8_MAX 4
size_t utf8_decode(const void *text, size_t len, uint32_t *code);

/* Appends the bytes of a character, up to 0x1fffff. */
#define UTF8_REPLACEMENT 0xfffd
void utf8_encode(struct buf *out, uint32_t code);

/* True for characters that steer a terminal, change the direction of the text, or are invisible. */
bool utf8_is_control(uint32_t code);

/* A copy that is UTF-8, as JSON needs it: each byte that belongs to no character becomes U+FFFD. The
 * caller frees it; NULL: out of memory. */
char *utf8_text(const char *text);

#endif

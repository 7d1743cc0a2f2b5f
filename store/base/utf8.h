/* SPDX-License-Identifier: MIT */
/*
 * Text that may be UTF-8, as names of files are what their layer says. Pure.
 */
#ifndef STORE_UTF8_H
#define STORE_UTF8_H

#include "store/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 character at the front (RFC 3629: the shortest form, no surrogates), with *code
 * set; 0 where the bytes are none. UTF8_MAX is length enough for what ends with a NUL. */
#define UTF8_MAX 4
size_t utf8_decode(const void *text, size_t len, uint32_t *code);

/* Appends the bytes of a character, up to 0x1fffff. */
#define UTF8_REPLACEMENT 0xfffd
void utf8_encode(struct buf *out, uint32_t code);

/* Characters that steer a terminal, turn the direction of what follows, or are not seen. */
bool utf8_is_control(uint32_t code);

/* A copy for JSON, which holds nothing else: U+FFFD for each byte that is of no character. The
 * caller frees it; NULL: out of memory. */
char *utf8_text(const char *text);

#endif

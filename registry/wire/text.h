/* SPDX-License-Identifier: MIT */
/*
 * A stranger's words (a registry's error text, a helper's output) made fit for one line of a log
 * or a control file. Pure.
 */
#ifndef REGISTRY_TEXT_H
#define REGISTRY_TEXT_H

#include "store/base/buf.h"

#include <stdint.h>

/* Appends at most `max` bytes of text[0..len): controls (C0, DEL, C1, and what turns the writing
 * direction) and broken UTF-8 become '?', line ends and tabs a blank, blanks at both ends go; what
 * is cut ends in "…". */
void text_append_clean(struct buf *b, const char *text, size_t len, size_t max);

/* The control at s, of at most len bytes, and its code: how many bytes it has, 0 where there is none.
 * What is no UTF-8 is one, too, with a code of 0. */
size_t text_control(const char *s, size_t len, uint32_t *code);

/* Of the bytes from `from` on, each of a control becomes a '?', but of line feeds and tabs: so a
 * terminal shows all of a text, and obeys none of it. Its length stays. */
void text_make_harmless(struct buf *b, size_t from);

#endif

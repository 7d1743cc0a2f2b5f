/* SPDX-License-Identifier: MIT */
/*
 * A stranger's words (a registry's error text, a helper's output) made fit for one line of a log
 * or a control file. Pure.
 */
#ifndef REGISTRY_TEXT_H
#define REGISTRY_TEXT_H

#include "store/base/buf.h"

#include <stdint.h>

/* Appends at most `max` bytes of text[0..len). Controls (C0, DEL, C1, and those that turn the writing
 * direction) and broken UTF-8 become '?', line ends and tabs a blank; blanks at both ends go. A text
 * that is cut ends in "…". */
void text_append_clean(struct buf *b, const char *text, size_t len, size_t max);

/* How many of the len bytes at s are a control, and its code; 0: there is none. Broken UTF-8 counts as a
 * control with code 0. */
size_t text_control(const char *s, size_t len, uint32_t *code);

/* Makes each byte of a control a '?', from `from` on, but for line feeds and tabs: so a terminal shows
 * all of a text, and obeys none of it. The length stays. */
void text_make_harmless(struct buf *b, size_t from);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A stranger's words (a registry's error text, a helper's output) made fit for one line of a log
 * or a control file. Pure.
 */
#ifndef REGISTRY_TEXT_H
#define REGISTRY_TEXT_H

#include "store/base/buf.h"

/* Appends at most `max` bytes of text[0..len): controls (C0, DEL, C1, and what turns the writing
 * direction) and broken UTF-8 become '?', line ends and tabs a blank, blanks at both ends go; what
 * is cut ends in "…". */
void text_append_clean(struct buf *b, const char *text, size_t len, size_t max);

#endif

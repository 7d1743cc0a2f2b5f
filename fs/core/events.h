/* SPDX-License-Identifier: MIT */
/*
 * What happened in this mount, a JSON object a line, for ctl/events: it only grows, so
 * that `tail -f` follows it. Kept in a nameless file of the store's disk; where that is full,
 * events are lost and nothing else. The last EVENTS_KEPT bytes are kept: a reader begins with the
 * oldest of them, and is told how many have fallen out before. Failures go to the system log as well: this is the edge that
 * reports them. Thread safe.
 */
#ifndef FS_EVENTS_H
#define FS_EVENTS_H

#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/disk/store.h"

#include <stdint.h>

#define EVENTS_KEPT (4u << 20)

struct events;

int events_open(struct store *s, struct events **out, struct err *err);
void events_close(struct events *e);

/* One event: what was done (a verb), to what, and how it ended (0, or -errno with its sentence). */
void events_add(struct events *e, const char *verb, const char *subject, int result,
		const struct err *err);

/* One that is no failure, with a sentence that the log gets, too. */
void events_note(struct events *e, const char *verb, const char *subject, const char *note);

/* Events as one reader has them, from its beginning on. */
struct events_reader {
	uint64_t first; /* where its events begin among all bytes that ever were */
	char said[160]; /* a line in front of them, where some have fallen out */
	size_t said_len;
};
void events_begin(struct events *e, struct events_reader *r);
uint64_t events_size(struct events *e, const struct events_reader *r);

/* What has fallen out while the reader was on its way is a line that says so, and empty ones. */
int events_read(struct events *e, const struct events_reader *r, uint64_t offset, size_t len,
		struct buf *out, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What happened in this mount, a JSON object a line, for ctl/events. It only grows, so that `tail -f`
 * follows it. Events are kept in a nameless file on the store's disk, or in memory where its
 * filesystem has no such files; where the disk is full, events are lost and nothing else. The last
 * EVENTS_KEPT bytes are kept: a reader begins with the oldest of them, and is told how many events
 * have fallen out before. Failures go to the system log as well: no other place reports them. Thread
 * safe.
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

/* One event: what was done (a verb), to what, and how it ended: 0, or -errno with its sentence in
 * `err`, which is not read where it is 0. */
void events_add(struct events *e, const char *verb, const char *subject, int result,
		const struct err *err);

/* An event that is no failure, with a sentence that the log gets, too. */
void events_note(struct events *e, const char *verb, const char *subject, const char *note);

/* The events that one reader sees: those that are kept when it begins, and all later ones. */
struct events_reader {
	uint64_t first; /* where its events begin among all bytes that ever were */
	char said[160]; /* the line in front of its events, where some have fallen out */
	size_t said_len;
};
void events_begin(struct events *e, struct events_reader *r);
uint64_t events_size(struct events *e, const struct events_reader *r);

/* Appends up to len bytes from offset; fewer at the end. A line that says so, and empty lines, stand in
 * the place of events that have fallen out since events_begin. */
int events_read(struct events *e, const struct events_reader *r, uint64_t offset, size_t len,
		struct buf *out, struct err *err);

#endif

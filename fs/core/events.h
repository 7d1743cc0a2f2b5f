/* SPDX-License-Identifier: MIT */
/*
 * What happened in this mount, a JSON object a line, for ctl/events: it only grows, so
 * that `tail -f` follows it. Kept in a nameless file of the store's disk; where that is full,
 * events are lost and nothing else. Failures go to the system log as well: this is the edge that
 * reports them. Thread safe.
 */
#ifndef FS_EVENTS_H
#define FS_EVENTS_H

#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/disk/store.h"

#include <stdint.h>

struct events;

int events_open(struct store *s, struct events **out, struct err *err);
void events_close(struct events *e);

/* One event: what was done (a verb), to what, and how it ended (0, or -errno with its sentence). */
void events_add(struct events *e, const char *verb, const char *subject, int result,
		const struct err *err);

uint64_t events_size(struct events *e);
int events_read(struct events *e, uint64_t offset, size_t len, struct buf *out, struct err *err);

#endif

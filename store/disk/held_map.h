/* SPDX-License-Identifier: MIT */
/*
 * The map of a blob that is here in part (held.h) is a log: a header, then records of one size. Each
 * record has a check of its own and is added by one write(2) with O_APPEND, so that processes may
 * add side by side. A record that a crash has cut ends the log for its readers; held_map_order
 * removes it. One thread at a time; for held.c and held_bytes.c alone.
 */
#ifndef STORE_HELD_MAP_H
#define STORE_HELD_MAP_H

#include "store/base/ranges.h"

struct held_map {
	int fd;	       /* read, write, append; owned by the opener; -1: not open */
	uint64_t size; /* of the blob */
	uint64_t read; /* bytes of the log that were read */
};

/* True if the file is a map of a blob of that size. */
bool held_map_is_good(const struct held_map *m);

/* Makes the file an empty map, whatever it was. */
int held_map_begin(struct held_map *m, struct err *err);

/* What this process and others have added to the log since it was read last. */
struct held_map_news {
	struct ranges added; /* owned by the caller */
	unsigned dropped;    /* records that dropped bytes */
};

/* Reads on, and changes the set as the new records say. `news` begins empty, or is NULL. */
int held_map_read(struct held_map *m, struct ranges *set, struct held_map_news *news,
		  struct err *err);

enum held_map_change { HELD_MAP_ADDED = 1, HELD_MAP_DROPPED };
int held_map_add(const struct held_map *m, enum held_map_change change, struct byte_range r,
		 struct err *err);

/* Reads the whole log, which nobody else has open. It is written anew if a crash has cut it, or if it
 * has far more records than it needs. */
int held_map_order(struct held_map *m, struct ranges *set, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The map of a blob that is here in part (held.h): a log. A header, then records of one size, each
 * with a check of its own, added by one write(2) with O_APPEND, so that processes may add side by
 * side. What a crash has cut ends the log for its readers; held_map_order cuts it away. One thread at
 * a time; for held.c alone.
 */
#ifndef STORE_HELD_MAP_H
#define STORE_HELD_MAP_H

#include "store/base/ranges.h"

struct held_map {
	int fd;	       /* read, write, append; of its opener; -1: not open */
	uint64_t size; /* of the blob */
	uint64_t read; /* bytes of the log that were read */
};

/* It is a map, of a blob of that size. */
bool held_map_is_good(const struct held_map *m);

/* An empty one, whatever was there. */
int held_map_begin(struct held_map *m, struct err *err);

/* What the log has had since it was read the last time, also by others. */
struct held_map_news {
	struct ranges added; /* owned by the caller */
	unsigned dropped;    /* records */
};

/* That is done to the set. `news` begins empty, or is NULL. */
int held_map_read(struct held_map *m, struct ranges *set, struct held_map_news *news,
		  struct err *err);

enum held_map_change { HELD_MAP_ADDED = 1, HELD_MAP_DROPPED };
int held_map_add(const struct held_map *m, enum held_map_change change, struct byte_range r,
		 struct err *err);

/* Reads all of it. Nobody else has it: where a crash has cut it, or it has far more records than it
 * needs, it is written anew. */
int held_map_order(struct held_map *m, struct ranges *set, struct err *err);

#endif

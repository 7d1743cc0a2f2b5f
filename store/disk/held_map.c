/* SPDX-License-Identifier: MIT */
#include "store/disk/held_map.h"

#include "store/base/io.h"
#include "store/base/xxh.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_MAP_MAGIC	 "imagefsH"
#define HELD_MAP_VERSION 1
#define HELD_MAP_SPARE	 16 /* records more than twice those that are needed, before it is ordered */

struct held_header {
	char magic[8];
	uint32_t version;
	uint32_t zero;
	uint64_t size; /* of the blob */
};
_Static_assert(sizeof(struct held_header) == 24, "held_header");

struct held_record {
	uint64_t first, end;
	uint64_t change; /* enum held_map_change */
	uint64_t check;
};
_Static_assert(sizeof(struct held_record) == 32, "held_record");

static uint64_t record_check(const struct held_record *rec)
{
	return XXH3_64bits(rec, offsetof(struct held_record, check));
}

static bool record_is_good(const struct held_map *m, const struct held_record *rec)
{
	return rec->check == record_check(rec) && rec->first < rec->end && rec->end <= m->size &&
	       (rec->change == HELD_MAP_ADDED || rec->change == HELD_MAP_DROPPED);
}

bool held_map_is_good(const struct held_map *m)
{
	struct held_header header;

	return io_pread(m->fd, &header, sizeof(header), 0, NULL) == sizeof(header) &&
	       memcmp(header.magic, HELD_MAP_MAGIC, sizeof(header.magic)) == 0 &&
	       header.version == HELD_MAP_VERSION && header.size == m->size;
}

int held_map_begin(struct held_map *m, struct err *err)
{
	struct held_header header = {.version = HELD_MAP_VERSION, .size = m->size};

	memcpy(header.magic, HELD_MAP_MAGIC, sizeof(header.magic));
	if (ftruncate(m->fd, 0) < 0)
		return err_sys(err, "truncate the map of a blob");
	m->read = sizeof(header);
	return io_write_all(m->fd, &header, sizeof(header), err);
}

static int apply_record(const struct held_record *rec, struct ranges *set,
			struct held_map_news *news, struct err *err)
{
	struct byte_range range = {rec->first, rec->end};
	int r;

	if (rec->change == HELD_MAP_DROPPED) {
		if (news)
			news->dropped++;
		return ranges_remove(set, range, err);
	}
	r = news ? ranges_add(&news->added, range, err) : 0;
	return r ? r : ranges_add(set, range, err);
}

int held_map_read(struct held_map *m, struct ranges *set, struct held_map_news *news,
		  struct err *err)
{
	struct held_record list[128];
	int r = 0;

	if (m->read == 0)
		m->read = sizeof(struct held_header);
	for (;;) {
		ssize_t n = io_pread(m->fd, list, sizeof(list), (off_t)m->read, err);

		if (n < 0)
			return (int)n;
		for (size_t i = 0; i < (size_t)n / sizeof(*list); i++) {
			if (!record_is_good(m, &list[i]))
				return 0;
			r = apply_record(&list[i], set, news, err);
			if (r)
				return r;
			m->read += sizeof(*list);
		}
		if ((size_t)n < sizeof(list))
			return 0;
	}
}

int held_map_add(const struct held_map *m, enum held_map_change change, struct byte_range r,
		 struct err *err)
{
	struct held_record rec = {r.first, r.end, change, 0};

	rec.check = record_check(&rec);
	return io_write_all(m->fd, &rec, sizeof(rec), err);
}

int held_map_order(struct held_map *m, struct ranges *set, struct err *err)
{
	struct stat st;
	int r;

	m->read = 0;
	r = held_map_read(m, set, NULL, err);
	if (r || fstat(m->fd, &st) < 0)
		return r ? r : err_sys(err, "stat the map of a blob");
	if ((uint64_t)st.st_size == m->read &&
	    m->read / sizeof(struct held_record) < 2 * set->count + HELD_MAP_SPARE)
		return 0;
	r = held_map_begin(m, err);
	for (size_t i = 0; !r && i < set->count; i++)
		r = held_map_add(m, HELD_MAP_ADDED, set->list[i], err);
	m->read += set->count * sizeof(struct held_record);
	return r;
}

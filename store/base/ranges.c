/* SPDX-License-Identifier: MIT */
#include "store/base/ranges.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The number of the first range that ends at `at` or behind. */
static size_t ranges_find(const struct ranges *set, uint64_t at)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->list[middle].end < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int ranges_add(struct ranges *set, struct byte_range r, struct err *err)
{
	size_t from = ranges_find(set, r.first), to = from;
	struct byte_range *list;

	assert(r.first <= r.end);
	if (r.first == r.end)
		return 0;
	for (; to < set->count && set->list[to].first <= r.end; to++) { /* all that it touches */
		r.first = r.first < set->list[to].first ? r.first : set->list[to].first;
		r.end = r.end > set->list[to].end ? r.end : set->list[to].end;
	}
	list = reallocarray(set->list, set->count + 1, sizeof(*list));
	if (!list)
		return err_nomem(err);
	memmove(list + from + 1, list + to, (set->count - to) * sizeof(*list));
	list[from] = r;
	set->list = list;
	set->count -= to - from;
	set->count++;
	return 0;
}

int ranges_remove(struct ranges *set, struct byte_range r, struct err *err)
{
	size_t from = ranges_find(set, r.first), to, kept = 0;
	struct byte_range rest[2], *list;

	if (from < set->count && set->list[from].end == r.first)
		from++;
	for (to = from; to < set->count && set->list[to].first < r.end; to++) {
		if (set->list[to].first < r.first)
			rest[kept++] = (struct byte_range){set->list[to].first, r.first};
		if (set->list[to].end > r.end)
			rest[kept++] = (struct byte_range){r.end, set->list[to].end};
	}
	if (to == from || r.first == r.end)
		return 0;
	assert(kept <= 2);
	list = reallocarray(set->list, set->count + 1, sizeof(*list));
	if (!list)
		return err_nomem(err);
	memmove(list + from + kept, list + to, (set->count - to) * sizeof(*list));
	memcpy(list + from, rest, kept * sizeof(*list));
	set->list = list;
	set->count = set->count - (to - from) + kept;
	return 0;
}

bool ranges_missing(const struct ranges *set, struct byte_range *r)
{
	size_t i = ranges_find(set, r->first);

	if (i < set->count && set->list[i].end == r->first)
		i++;
	if (i < set->count && set->list[i].first <= r->first)
		r->first = set->list[i++].end;
	if (r->first >= r->end)
		return false;
	if (i < set->count && set->list[i].first < r->end)
		r->end = set->list[i].first;
	return true;
}

bool ranges_has(const struct ranges *set, struct byte_range r)
{
	return !ranges_missing(set, &r);
}

uint64_t ranges_bytes(const struct ranges *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->count; i++)
		sum += set->list[i].end - set->list[i].first;
	return sum;
}

void ranges_clear(struct ranges *set)
{
	free(set->list);
	*set = (struct ranges)RANGES_INIT;
}

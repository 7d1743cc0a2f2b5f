/* SPDX-License-Identifier: MIT */
#include "store/base/intern.h"

#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN  64
#define INTERN_MAX (1u << 30) /* a place is 32 bits */
static_assert((SLOTS_MIN & (SLOTS_MIN - 1)) == 0, "places are found by a mask");

int intern_init(struct intern *in, size_t max, struct err *err)
{
	assert(max <= INTERN_MAX);
	memset(in, 0, sizeof(*in));
	in->max = max;
	if (getrandom(&in->seed, sizeof(in->seed), 0) != sizeof(in->seed))
		return err_sys(err, "getrandom");
	in->slots = calloc(SLOTS_MIN, sizeof(*in->slots));
	if (!in->slots)
		return err_nomem(err);
	in->slot_count = SLOTS_MIN;
	return 0;
}

void intern_free(struct intern *in)
{
	buf_free(&in->bytes);
	free(in->places);
	free(in->slots);
	memset(in, 0, sizeof(*in));
}

const char *intern_get(const struct intern *in, uint32_t number, uint32_t *len)
{
	assert(number < in->count);
	if (len)
		*len = in->places[number].len;
	return in->bytes.data + in->places[number].offset;
}

/* The slot where the string is, or where it would go. */
static uint32_t intern_find_slot(const struct intern *in, const void *data, size_t len)
{
	uint32_t mask = in->slot_count - 1;
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(data, len, in->seed) & mask;

	for (; in->slots[at]; at = (at + 1) & mask) {
		const struct intern_place *place = &in->places[in->slots[at] - 1];

		if (place->len == len && memcmp(in->bytes.data + place->offset, data, len) == 0)
			break;
	}
	return at;
}

static int intern_grow_slots(struct intern *in, struct err *err)
{
	uint32_t *old = in->slots;

	in->slots = calloc(2 * (size_t)in->slot_count, sizeof(*in->slots));
	if (!in->slots) {
		in->slots = old;
		return err_nomem(err);
	}
	in->slot_count *= 2;
	for (uint32_t i = 0; i < in->count; i++) {
		uint32_t len;
		const char *data = intern_get(in, i, &len);

		in->slots[intern_find_slot(in, data, len)] = i + 1;
	}
	free(old);
	return 0;
}

static int grow_places(struct intern *in, struct err *err)
{
	uint32_t cap = in->cap ? in->cap + in->cap / 2 : SLOTS_MIN;
	struct intern_place *places = realloc(in->places, cap * sizeof(*places));

	if (!places)
		return err_nomem(err);
	in->places = places;
	in->cap = cap;
	return 0;
}

int intern_add(struct intern *in, const void *data, size_t len, uint32_t *out, struct err *err)
{
	uint32_t slot = intern_find_slot(in, data, len);
	int r = 0;

	if (in->slots[slot]) {
		*out = in->slots[slot] - 1;
		return 0;
	}
	if (in->bytes.len + len + 1 > in->max || in->count >= INT32_MAX)
		return err_set(err, EBADMSG,
			       "its names, links and attributes take more than %zu MiB",
			       in->max >> 20);
	if (in->count == in->cap)
		r = grow_places(in, err);
	if (!r && in->count >= in->slot_count / 4 * 3) {
		r = intern_grow_slots(in, err);
		slot = intern_find_slot(in, data, len);
	}
	if (r)
		return r;
	assert(in->count < in->cap && in->count < in->slot_count);
	in->places[in->count] = (struct intern_place){(uint32_t)in->bytes.len, (uint32_t)len};
	buf_append(&in->bytes, data, len);
	buf_putc(&in->bytes, '\0');
	if (buf_failed(&in->bytes))
		return err_nomem(err);
	*out = in->count++;
	in->slots[slot] = in->count;
	return 0;
}

uint32_t intern_find(const struct intern *in, const void *data, size_t len)
{
	uint32_t slot = intern_find_slot(in, data, len);

	return in->slots[slot] ? in->slots[slot] - 1 : INTERN_NONE;
}

/* SPDX-License-Identifier: MIT */
#include "registry/wire/ring.h"

#include "store/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ring_init(struct ring *r, size_t size)
{
	assert(size && !(size & (size - 1))); /* places are found by a mask */
	*r = (struct ring){.size = size};
}

void ring_free(struct ring *r)
{
	free(r->data);
	r->data = NULL;
}

/* Bytes up to the wrap. */
static size_t first_part(const struct ring *r, uint64_t at, size_t len)
{
	size_t room = r->size - (size_t)(at & (r->size - 1));

	return len < room ? len : room;
}

int ring_copy_in(struct ring *r, uint64_t head, const void *data, size_t len)
{
	assert(len <= r->size);
	if (!r->data)
		r->data = r->fills ? mem_large(r->size) : malloc(r->size);
	if (!r->data)
		return -ENOMEM;

	size_t n = first_part(r, head, len);

	memcpy(r->data + (head & (r->size - 1)), data, n);
	memcpy(r->data, (const char *)data + n, len - n);
	return 0;
}

void ring_copy_out(const struct ring *r, uint64_t tail, void *data, size_t len)
{
	size_t n = first_part(r, tail, len);

	assert(len <= r->size && r->data);
	memcpy(data, r->data + (tail & (r->size - 1)), n);
	memcpy((char *)data + n, r->data, len - n);
}

/* SPDX-License-Identifier: MIT */
/*
 * A ring of bytes between one writer and one reader. The memory comes with the first write, so
 * that an empty body costs none. Copying needs no lock. The caller holds one while it moves `head` or
 * `tail`, and around ring_used.
 */
#ifndef REGISTRY_RING_H
#define REGISTRY_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	char *data;	     /* owned; NULL before the first write */
	size_t size;	     /* a power of two */
	bool fills;	     /* so many bytes will come that all memory may be taken at once */
	uint64_t head, tail; /* bytes ever written, ever read */
};

void ring_init(struct ring *r, size_t size);
void ring_free(struct ring *r);

static inline size_t ring_used(const struct ring *r)
{
	return (size_t)(r->head - r->tail);
}

/* Copies in behind `head`; there must be room. 0 or -ENOMEM. Then head += len, under the lock. */
int ring_copy_in(struct ring *r, uint64_t head, const void *data, size_t len);
/* Copies out from `tail`; they must be there. Then tail += len, under the lock. */
void ring_copy_out(const struct ring *r, uint64_t tail, void *data, size_t len);

#endif

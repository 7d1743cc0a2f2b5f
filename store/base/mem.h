/* SPDX-License-Identifier: MIT */
/*
 * Cleanup attributes for owned things, and a typed way to hand them on.
 *
 *	autofree char *name = strdup(x);     is freed at the end of the scope
 *	autoclose int fd = open(…);          is closed at the end of the scope, if >= 0
 *	return steal(&name);                 hands it on, so that it is not freed here
 *
 * Types with an x_close() declare their own with DEFINE_AUTO(type, x_close),
 * which makes `auto_x_close` usable as an attribute.
 */
#ifndef STORE_MEM_H
#define STORE_MEM_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void mem_free_at(void *p)
{
	free(*(void **)p);
}

static inline void mem_close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define autofree  __attribute__((cleanup(mem_free_at)))
#define autoclose __attribute__((cleanup(mem_close_at)))

/* `close_fn(TYPE *)` must accept NULL. */
#define DEFINE_AUTO(TYPE, close_fn)                                                                \
	static inline void close_fn##_at(TYPE **p)                                                 \
	{                                                                                          \
		close_fn(*p);                                                                      \
	}
#define AUTO(close_fn) __attribute__((cleanup(close_fn##_at)))

/* Hands on an owned pointer: gives its value and sets it to NULL. steal_fd: the same, with -1. */
#define steal(pp)                                                                                  \
	({                                                                                         \
		__typeof__(pp) mem_pp = (pp);                                                      \
		__typeof__(*mem_pp) mem_v = *mem_pp;                                               \
		*mem_pp = NULL;                                                                    \
		mem_v;                                                                             \
	})

#define MEM_LARGE_PAGE (2u << 20)

/* Memory that will soon be filled completely. It is in large pages where the kernel has them, as the
 * first touch of each page costs an exception. `size` is a multiple of MEM_LARGE_PAGE; free() it. */
static inline void *mem_large(size_t size)
{
	void *p = aligned_alloc(MEM_LARGE_PAGE, size);

	if (p)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#endif

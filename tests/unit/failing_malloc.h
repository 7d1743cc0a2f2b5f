/* SPDX-License-Identifier: MIT */
/*
 * An allocation of the program fails, the k-th from now on, in the place of the C library's. Those of
 * libraries do not count. Not under a sanitizer, whose malloc that is: FAILING_MALLOC is 0 there.
 */
#ifndef TESTS_FAILING_MALLOC_H
#define TESTS_FAILING_MALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILING_MALLOC 0
static int failing_left;
#else
#define FAILING_MALLOC 1

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern const char __executable_start, etext; /* the linker's */

static int failing_left; /* until one fails; 0: none does */

static bool failing(const void *caller)
{
	bool ours = (uintptr_t)caller >= (uintptr_t)&__executable_start &&
		    (uintptr_t)caller < (uintptr_t)&etext;

	if (!ours || failing_left == 0 || --failing_left > 0)
		return false;
	errno = ENOMEM;
	return true;
}

#define FAILS failing(__builtin_return_address(0))

void *malloc(size_t size)
{
	return FAILS ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return FAILS ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
	return FAILS ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t count, size_t size)
{
	return FAILS ? NULL : __libc_realloc(p, count * size);
}

char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = FAILS ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}
#endif

/* Calls it with each of its allocations failing once, and at last with none. */
static inline void failing_each(void (*work)(void))
{
	bool failed = FAILING_MALLOC;

	for (int k = 1; failed; k++) {
		failing_left = k;
		work();
		failed = failing_left == 0;
		failing_left = 0;
	}
}

/* What the work wants to do without a failure, in its midst. */
static inline int failing_stop(void)
{
	int left = failing_left;

	failing_left = 0;
	return left;
}

#endif

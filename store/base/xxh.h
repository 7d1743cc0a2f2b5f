/* SPDX-License-Identifier: MIT */
/*
 * XXH3, by the widest instructions of the processor. On x86 the library's plain functions use only
 * instructions that every processor has. This header chooses others at run time, ten times faster.
 */
#ifndef STORE_XXH_H
#define STORE_XXH_H

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * XXH3, by the widest instructions of the processor: on x86 the library's plain functions keep to
 * those that every one has, ten times slower than those that this header chooses at run time.
 */
#ifndef STORE_XXH_H
#define STORE_XXH_H

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#endif

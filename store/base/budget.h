/* SPDX-License-Identifier: MIT */
/*
 * Memory that pieces of work share: budget_take waits until enough of it is free. Thread safe. A
 * thread gives back what it holds before it takes more, so that no two threads wait for each other.
 */
#ifndef STORE_BUDGET_H
#define STORE_BUDGET_H

#include "store/base/cancel.h"
#include "store/base/err.h"
#include "store/base/mem.h"

#include <stddef.h>

struct budget;
struct budget *budget_new(size_t bytes); /* NULL: out of memory */
void budget_free(struct budget *b);	 /* NULL is allowed */
DEFINE_AUTO(struct budget, budget_free)

/* Waits for so many bytes. More than the whole budget is given when nobody holds any. Fails only with
 * the error of cancel_check; cancel may be NULL. */
int budget_take(struct budget *b, size_t bytes, struct cancel *cancel, struct err *err);
void budget_give(struct budget *b, size_t bytes);

#endif

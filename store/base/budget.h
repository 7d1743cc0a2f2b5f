/* SPDX-License-Identifier: MIT */
/*
 * Memory that pieces of work share: budget_take waits until it fits. Thread safe. A thread that
 * holds some gives it back before it takes more, so that no two wait for each other.
 */
#ifndef STORE_BUDGET_H
#define STORE_BUDGET_H

#include "store/base/cancel.h"
#include "store/base/err.h"
#include "store/base/mem.h"

#include <stddef.h>

struct budget;
struct budget *budget_new(size_t bytes); /* NULL: out of memory */
void budget_free(struct budget *b);
DEFINE_AUTO(struct budget, budget_free)

/* More than there is in all is given while nobody else holds any. Or the error of cancel_check. */
int budget_take(struct budget *b, size_t bytes, struct cancel *cancel, struct err *err);
void budget_give(struct budget *b, size_t bytes);

#endif

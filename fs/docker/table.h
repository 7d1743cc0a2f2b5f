/* SPDX-License-Identifier: MIT */
/*
 * A table as docker lays it out (Go's text/tabwriter with its settings): columns are as wide as
 * their widest cell and three spaces, at least 10; the last one is not padded. Cells come row by
 * row, from left to right; the first row is the header. Text from strangers is made
 * harmless: a cell stays on its line, and brings no control characters to a terminal. Not thread
 * safe; pure.
 */
#ifndef FS_TABLE_H
#define FS_TABLE_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <stddef.h>

#define TABLE_MAX (16u << 20) /* bytes of a laid out table */

struct table {
	size_t columns;
	struct buf cells; /* owned: the cells, each with its NUL */
};

#define TABLE_INIT(n)                                                                              \
	{                                                                                          \
		.columns = (n)                                                                     \
	}

void table_cell(struct table *t, const char *text);
void table_row(struct table *t, const char *const *cells); /* t->columns of them */

/* Appends the laid out rows. -EFBIG where they are more than TABLE_MAX bytes: one long cell makes
 * every row of its column as long. */
int table_print(const struct table *t, struct buf *out, struct err *err);
void table_clear(struct table *t);

#define autotable __attribute__((cleanup(table_clear))) struct table

/* Cuts text to `columns` of a terminal, the last of them an ellipsis (docker's Ellipsis: wide
 * characters count 2), and appends it. */
void table_ellipsis(struct buf *out, const char *text, size_t columns);

#endif

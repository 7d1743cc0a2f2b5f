/* SPDX-License-Identifier: MIT */
/*
 * What ctl/diff prints of changes: a row each, as they are found, or sums for each layer. Holds no
 * rows, so that its memory is that of what it prints. For one thread.
 */
#ifndef FS_DIFF_REPORT_H
#define FS_DIFF_REPORT_H

#include "fs/tree/diff_side.h"
#include "store/tree/tree_diff.h"

#define DIFF_REPORT_MAX (64u << 20) /* bytes that are printed at most */

struct diff_report_options {
	bool summary, exact; /* exact: sizes in bytes */
	const char *format;  /* or NULL */
};

struct diff_report;
int diff_report_open(const struct diff_side *a, const struct diff_side *b,
		     const struct diff_report_options *how, struct buf *out,
		     struct diff_report **out_report, struct err *err);
void diff_report_close(struct diff_report *p); /* NULL is allowed */
DEFINE_AUTO(struct diff_report, diff_report_close)

/* Prints the change, or adds it up. -EFBIG: more than DIFF_REPORT_MAX. */
int diff_report_add(struct diff_report *p, const struct tree_change *c, struct err *err);

/* Prints the sums, where they were asked for. */
int diff_report_end(struct diff_report *p, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
#include "fs/core/job_table.h"

#include "registry/wire/text.h"

#include <string.h>

#define TITLE_MAX 1000 /* bytes of it in the table */

static void print_row(void *arg, const struct job_view *v)
{
	struct buf *out = arg;
	double seconds = (double)v->ran_ms / 1000;

	buf_printf(out, "%-8s %8u %14llu %14llu %8.1f  ", v->running ? "running" : "queued",
		   v->waiting, (unsigned long long)v->done, (unsigned long long)v->total,
		   seconds > 0 ? (double)v->done / 1e6 / seconds : 0.0);
	text_append_clean(out, v->title, strlen(v->title), TITLE_MAX);
	buf_putc(out, '\n');
}

void job_table_print(struct jobs *js, struct buf *out)
{
	buf_printf(out, "%-8s %8s %14s %14s %8s  %s\n", "STATE", "WAITING", "BYTES", "OF", "MB/S",
		   "JOB");
	jobs_each(js, print_row, out);
}

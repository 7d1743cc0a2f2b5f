/* SPDX-License-Identifier: MIT */
/* The table of ctl/jobs: running and queued jobs with bytes, rate and waiters. Thread safe. */
#ifndef FS_JOB_TABLE_H
#define FS_JOB_TABLE_H

#include "fs/core/job.h"
#include "store/base/buf.h"

/* Titles may be anybody's words: they stay on their line, and steer no terminal. */
void job_table_print(struct jobs *js, struct buf *out);

#endif

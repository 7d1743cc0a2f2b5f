/* SPDX-License-Identifier: MIT */
/*
 * What a pull or a push tells while it is under way: docker's lines for the request's answer,
 * unless it is to be quiet, and bytes for ctl/jobs.
 */
#ifndef FS_TRANSFER_H
#define FS_TRANSFER_H

#include "fs/core/job.h"
#include "registry/transfer/pull.h"

struct transfer {
	struct job *job;
	struct buf *answer;
	bool quiet;
};

void transfer_line(void *transfer, const char *line);
void transfer_bytes(void *transfer, uint64_t done, uint64_t total);

/* Both, as a watch; lends the transfer. */
static inline struct pull_watch transfer_watch(struct transfer *t)
{
	return (struct pull_watch){t, transfer_line, transfer_bytes};
}

/* A colon behind the last slash. */
bool transfer_names_a_tag(const char *name);

#endif

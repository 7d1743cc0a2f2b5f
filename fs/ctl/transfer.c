/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer.h"

#include <string.h>

void transfer_line(void *transfer, const char *line)
{
	struct transfer *t = transfer;

	if (!t->quiet)
		buf_printf(t->answer, "%s\n", line);
}

void transfer_bytes(void *transfer, uint64_t done, uint64_t total)
{
	job_progress(((struct transfer *)transfer)->job, done, total);
}

bool transfer_names_a_tag(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strchr(slash ? slash : name, ':') != NULL;
}

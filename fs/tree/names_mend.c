/* SPDX-License-Identifier: MIT */
#include "fs/tree/names_mend.h"

#include "fs/core/events.h"
#include "fs/core/job.h"
#include "fs/tree/catalog.h"
#include "store/disk/names.h"

static int run_mend(struct job *j, void *arg, struct err *err)
{
	struct fs *fs = arg;
	int r = names_settle(fs->store, err);

	(void)j;
	if (r)
		events_add(fs->events, "names", store_path(fs->store), r, err);
	return r;
}

/* By a job: who looks for a name does not wait for the store's lock. */
static void on_notice(void *arg, const struct err *notice)
{
	struct fs *fs = arg;
	struct job_spec spec = {.title = "settle the names",
				.class = "names",
				.at_once = 1,
				.run = run_mend,
				.arg = fs};

	if (notice->code)
		events_add(fs->events, "names", store_path(fs->store), -notice->code, notice);
	else
		events_note(fs->events, "names", store_path(fs->store), notice->text);
	job_start(fs->jobs, &spec, NULL, NULL);
}

void names_mend_watch(struct fs *fs)
{
	catalogs_watch_notices(fs->catalogs, on_notice, fs);
}

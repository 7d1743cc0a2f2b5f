/* SPDX-License-Identifier: MIT */
#include "fs/tree/names_mend.h"

#include "fs/core/events.h"
#include "fs/core/job.h"
#include "fs/tree/catalog.h"
#include "store/disk/names.h"

#include <errno.h>
#include <unistd.h>

#define AGAIN_US 200000

static int run_mend(struct job *j, void *arg, struct err *err)
{
	AUTO(catalog_put) struct catalog *catalog = NULL;
	struct fs *fs = arg;
	int r = names_settle(fs->store, err);

	/* Another program may be writing it. */
	while (r == -EAGAIN && cancel_check(job_cancel(j), NULL) == 0) {
		usleep(AGAIN_US);
		r = names_settle(fs->store, err);
	}
	if (!r) /* so that it is said that it was mended */
		r = catalog_get(fs->catalogs, fs->store, &catalog, err);
	if (r && r != -EAGAIN)
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

/* SPDX-License-Identifier: MIT */
#include "fs/core/room.h"

#include "fs/core/fs.h"
#include "fs/core/job.h"
#include "store/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ENOUGH	24   /* free descriptors: what a job may need */
#define WAIT_MS 1000 /* for them; the kernel says later what it has forgotten */
#define POLL_US 500
#define AGAIN	100 /* ms after a round that was of no use, for one in the background */
#define TRIES	3   /* of one call */

/* As many are open as the lowest number that is free says. One in sixteen stays free, or more. */
static bool is_room(void)
{
	struct rlimit l = {.rlim_cur = RLIM_INFINITY};
	int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	rlim_t keep;

	if (lowest < 0)
		return false;
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &l);
	keep = l.rlim_cur / 16 > ENOUGH ? l.rlim_cur / 16 : ENOUGH;
	return (rlim_t)lowest + keep < l.rlim_cur;
}

static int room_run(struct job *j, void *arg, struct err *err)
{
	struct fs *fs = arg;
	int64_t start = clock_ms();

	(void)j;
	(void)err;
	fs->forget_open(fs);
	while (!is_room() && clock_ms() - start < WAIT_MS)
		usleep(POLL_US);
	if (!is_room())
		atomic_store(&fs->no_room, clock_ms());
	return 0;
}

static struct job_spec room_spec(struct fs *fs)
{
	return (struct job_spec){.key = {.kind = "room"},
				 .shared = true,
				 .title = "close what nobody holds",
				 .class = "files",
				 .run = room_run,
				 .arg = fs};
}

void room_watch(struct fs *fs, struct inode *i)
{
	const struct job_spec spec = room_spec(fs);

	i->keeps_open = true;
	if (!is_room() && clock_ms() - atomic_load(&fs->no_room) >= AGAIN)
		job_start(fs->jobs, &spec, NULL, NULL);
}

int room_make(struct request *rq, struct err *err)
{
	const struct job_spec spec = room_spec(rq->fs);

	if (rq->rooms >= TRIES)
		return -EMFILE;
	rq->rooms++;
	return request_wait(rq, &spec, err);
}

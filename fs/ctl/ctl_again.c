/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_again.h"

#include "store/base/xxh.h"

struct job *ctl_again_take(struct ctl_again *a)
{
	struct job *job = a->job;

	*a = (struct ctl_again){0};
	return job;
}

struct job *ctl_again_started(struct ctl_again *a, struct request *rq, uint64_t offset,
			      const void *data, size_t len)
{
	struct job *before = a->job;

	*a = (struct ctl_again){
	    .job = job_get(rq->wait), .offset = offset, .len = len, .sum = XXH3_64bits(data, len)};
	rq->joined = false;
	return before;
}

bool ctl_again_join(struct ctl_again *a, struct request *rq)
{
	rq->wait = a->job ? job_take_up(a->job) : NULL;
	if (rq->wait)
		rq->joined = true;
	return rq->wait != NULL;
}

enum ctl_again_whose ctl_again_end(struct ctl_again *a, struct request *rq, uint64_t offset,
				   const void *data, size_t len)
{
	bool is_last = a->job == rq->ended;
	bool same =
	    is_last && a->offset == offset && a->len == len && a->sum == XXH3_64bits(data, len);

	if (is_last)
		job_put(ctl_again_take(a)); /* the request has it, too */
	return !rq->joined ? AGAIN_OURS : same ? AGAIN_SAME : AGAIN_OTHER;
}

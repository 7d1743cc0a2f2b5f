/* SPDX-License-Identifier: MIT */
/* Times of files and changes, to the nanosecond. */
#ifndef STORE_STAMP_H
#define STORE_STAMP_H

#include <stdbool.h>
#include <time.h>

static inline bool stamp_is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static inline bool stamp_is_same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Returns `time` if it is later than `last`, else `last` and a nanosecond. So two changes differ even
 * within one tick of the clock, or after the clock was set back. */
static inline struct timespec stamp_behind(struct timespec last, struct timespec time)
{
	if (stamp_is_later(time, last))
		return time;
	if (++last.tv_nsec == 1000000000)
		last = (struct timespec){.tv_sec = last.tv_sec + 1};
	return last;
}

#endif

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

/* The time itself where it is later than the last one, else the nanosecond behind that: two changes
 * within one tick of the clock, or after it was set back, must still differ. */
static inline struct timespec stamp_behind(struct timespec last, struct timespec time)
{
	if (stamp_is_later(time, last))
		return time;
	if (++last.tv_nsec == 1000000000)
		last = (struct timespec){.tv_sec = last.tv_sec + 1};
	return last;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Waiting for what another thread or process does: for a condition, however slow the machine is.
 * The limit is there for what never comes true.
 */
#ifndef TESTS_UNTIL_H
#define TESTS_UNTIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define UNTIL_SECONDS 150

static inline time_t until_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Ends the program, as any thread and any child may wait. */
static inline void until_pause(time_t began, const char *what)
{
	if (until_now() - began > UNTIL_SECONDS) {
		fprintf(stderr, "never came true: %s\n", what);
		abort();
	}
	usleep(500);
}

/* Looks again and again whether it holds. */
#define UNTIL(holds)                                                                               \
	do {                                                                                       \
		time_t until_began = until_now();                                                  \
                                                                                                   \
		while (!(holds))                                                                   \
			until_pause(until_began, #holds);                                          \
	} while (0)

/* A thread, of this process or another, that is expected to sleep in a call. */
struct sleeper {
	atomic_int tid; /* 0: it has not come so far */
	unsigned long before;
};

/* How often it has gone to sleep by itself. */
static inline unsigned long sleeper_count(const struct sleeper *s)
{
	char name[64], line[128];
	unsigned long n = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", s->tid);
	f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* By that thread, right before the call. */
static inline void sleeper_enter(struct sleeper *s)
{
	struct sleeper me = {.tid = gettid()};

	s->before = sleeper_count(&me);
	s->tid = me.tid;
}

/* By another: until it has gone to sleep since then. */
static inline void sleeper_wait(const struct sleeper *s)
{
	UNTIL(s->tid && sleeper_count(s) > s->before);
}

/* Until it has looked again, and sleeps again. It may have been awake at the beginning. */
static inline void sleeper_wait_again(const struct sleeper *s)
{
	unsigned long n = sleeper_count(s);

	UNTIL(sleeper_count(s) >= n + 2);
}

#endif

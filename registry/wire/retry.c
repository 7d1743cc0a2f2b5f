/* SPDX-License-Identifier: MIT */
#include "registry/wire/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WAIT_MS 500

void retry_progress(struct retry *r, uint64_t bytes)
{
	r->progress += bytes;
	if (r->progress >= RETRY_PROGRESS)
		*r = (struct retry){0};
}

/* A connection that broke after it had moved bytes is made again at once, the first time. */
static int64_t backoff(struct retry *r, enum retry_cause cause, uint32_t random)
{
	if (cause == RETRY_CUT && r->spent == 1)
		return 0;

	int64_t wait = (int64_t)FIRST_WAIT_MS << (r->waits < 6 ? r->waits : 6);

	r->waits++;
	return wait / 2 + (int64_t)(random % (uint64_t)wait);
}

int64_t retry_next(struct retry *r, enum retry_cause cause, int64_t after_ms, uint32_t random)
{
	if (cause == RETRY_NEVER)
		return -1;
	r->spent += cause == RETRY_TIMEOUT ? RETRY_TIMEOUT_COST : 1;
	if (r->spent >= RETRY_TRIES)
		return -1;

	int64_t wait = backoff(r, cause, random);

	if (after_ms > RETRY_AFTER_MAX_MS)
		after_ms = RETRY_AFTER_MAX_MS;
	return wait > after_ms ? wait : after_ms;
}

/* The number of the month that the first three letters name, or -1. */
static int month_of(const char *s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (!strncmp(names + 3 * i, s, 3))
			return i;
	return -1;
}

/* The three forms of RFC 9110, 5.6.7. strptime would ask the locale for the names of months. */
static int parse_date(const char *s, time_t *out)
{
	struct tm tm = {0};
	char month[4] = "";
	int end = -1;

	if (sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6 &&
	    end > 0)
		tm.tm_year -= 1900;
	else if (sscanf(s, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
			&tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6 &&
		 end > 0)
		tm.tm_year += tm.tm_year < 70 ? 100 : 0;
	else if (sscanf(s, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &tm.tm_year, &end) == 6 &&
		 end > 0)
		tm.tm_year -= 1900;
	else
		return -1;
	tm.tm_mon = month_of(month);
	if (s[end] || tm.tm_mon < 0)
		return -1;
	*out = timegm(&tm);
	return *out == (time_t)-1 ? -1 : 0;
}

int64_t retry_after(const char *value, time_t now)
{
	time_t then;
	int64_t seconds;

	if (!value || !*value)
		return -1;
	if (strspn(value, "0123456789") == strlen(value))
		/* More than six digits are more than the limit, whatever they say. */
		seconds = strlen(value) > 6 ? RETRY_AFTER_MAX_MS : atol(value);
	else if (parse_date(value, &then) == 0)
		seconds = then > now ? (int64_t)(then - now) : 0;
	else
		return -1;
	return seconds >= RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
}

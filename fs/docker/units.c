/* SPDX-License-Identifier: MIT */
#include "fs/docker/units.h"

#include <stdio.h>
#include <time.h>

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define YEAR_1                                                                                     \
	INT64_C(-62135596800) /* 0001-01-01, Go's zero time: what reproducible builds write */

const char *units_size(uint64_t bytes, int digits, char text[static UNITS_TEXT_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		i++;
	}
	snprintf(text, UNITS_TEXT_MAX, "%.*g%s", digits, value, units[i]);
	return text;
}

const char *units_duration(int64_t seconds, char text[static UNITS_TEXT_MAX])
{
	int64_t minutes = seconds / MINUTE;
	int64_t hours = (seconds + HOUR / 2) / HOUR; /* rounded, unlike the others */
	const char *fixed = NULL;
	const char *unit = "years";
	int64_t count = seconds / HOUR / 24 / 365;

	if (seconds < 1)
		fixed = "Less than a second";
	else if (seconds == 1)
		fixed = "1 second";
	else if (seconds < MINUTE)
		count = seconds, unit = "seconds";
	else if (minutes == 1)
		fixed = "About a minute";
	else if (minutes < 60)
		count = minutes, unit = "minutes";
	else if (hours == 1)
		fixed = "About an hour";
	else if (hours < 48)
		count = hours, unit = "hours";
	else if (hours < 24 * 14)
		count = hours / 24, unit = "days";
	else if (hours < 24 * 60)
		count = hours / 24 / 7, unit = "weeks";
	else if (hours < 24 * 365 * 2)
		count = hours / 24 / 30, unit = "months";

	if (fixed)
		snprintf(text, UNITS_TEXT_MAX, "%s", fixed);
	else
		snprintf(text, UNITS_TEXT_MAX, "%lld %s", (long long)count, unit);
	return text;
}

const char *units_ago(int64_t then, int64_t now, char text[static UNITS_TEXT_MAX])
{
	char duration[UNITS_TEXT_MAX];
	int64_t seconds;

	if (then == YEAR_1) {
		snprintf(text, UNITS_TEXT_MAX, "N/A");
		return text;
	}
	if (__builtin_sub_overflow(now, then, &seconds) || seconds > INT64_MAX - HOUR)
		seconds = then > now ? 0 : INT64_MAX - HOUR;
	snprintf(text, UNITS_TEXT_MAX, "%.*s ago", UNITS_TEXT_MAX - 5,
		 units_duration(seconds, duration));
	return text;
}

const char *units_local_time(int64_t then, char text[static UNITS_TEXT_MAX])
{
	time_t t = (time_t)then;
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(text, UNITS_TEXT_MAX, "%04Y-%m-%d %H:%M:%S %z %Z", &tm))
		snprintf(text, UNITS_TEXT_MAX, "N/A");
	return text;
}

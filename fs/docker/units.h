/* SPDX-License-Identifier: MIT */
/*
 * Sizes and times in docker's words (github.com/docker/go-units): decimal units of significant
 * digits, and how long ago something was. Pure, except that units_local_time asks for the
 * local time zone.
 */
#ifndef FS_UNITS_H
#define FS_UNITS_H

#include <stdint.h>

#define UNITS_TEXT_MAX 48

/* "72.9MB", "1.23kB", "0B"; digits: 3 in the SIZE columns, 4 in sums and progress. Returns text. */
const char *units_size(uint64_t bytes, int digits, char text[static UNITS_TEXT_MAX]);

/* How long `seconds` are: "About a minute", "2 weeks"; negative ones, too, are "Less than a second". */
const char *units_duration(int64_t seconds, char text[static UNITS_TEXT_MAX]);

/* "2 weeks ago" of a time `then` seen at `now`, both in seconds since 1970; of Go's zero time
 * "N/A". */
const char *units_ago(int64_t then, int64_t now, char text[static UNITS_TEXT_MAX]);

/* As Go prints a time: "2021-03-04 03:24:42 +0100 CET". */
const char *units_local_time(int64_t then, char text[static UNITS_TEXT_MAX]);

#endif

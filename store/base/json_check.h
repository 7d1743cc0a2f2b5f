/* SPDX-License-Identifier: MIT */
/*
 * The strict check in front of json-c: RFC 8259, no duplicate keys, no NUL in keys, numbers that
 * fit, and the limits below. json-c checks only a part of that. Pure; takes O(n log n) time
 * whatever the document is.
 *
 * Go programs match the members of a struct without regard to case; other programs do not. Two
 * members that differ only by case would make one document mean two things, so they count as
 * duplicates. In maps whose keys are chosen freely (annotations, Labels, xattrs, …) every program
 * tells case apart, and real images have both "Name" and "name": there keys are compared exactly.
 */
#ifndef STORE_JSON_CHECK_H
#define STORE_JSON_CHECK_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH_MAX	32
#define JSON_VALUES_MAX 1000000

/* 0 if the document is good. -EPROTO: it breaks a rule; the sentence gives byte offset and rule. */
int json_check(const char *data, size_t len, struct err *err);

/* True if a Go program may take the key for `name`: they differ at most by case. */
bool json_same_folded(const char *key, const char *name);

#endif

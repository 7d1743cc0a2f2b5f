/* SPDX-License-Identifier: MIT */
#include "fs/docker/glob.h"

#include <stddef.h>

/* One character of a class, perhaps behind a backslash; NULL: there is none. */
static const char *class_char(const char *p, char *out)
{
	if (*p == '-' || *p == ']')
		return NULL;
	if (*p == '\\')
		p++;
	if (!*p)
		return NULL;
	*out = *p;
	return p + 1;
}

/* Behind the class that starts at p ('['), with *matches for c; NULL: malformed. */
static const char *class_match(const char *p, char c, bool *matches)
{
	bool negated = *++p == '^';
	bool found = false;
	bool empty = true;

	p += negated;
	for (; empty || *p != ']'; empty = false) {
		char low, high;

		p = class_char(p, &low);
		high = low;
		if (p && *p == '-')
			p = class_char(p + 1, &high);
		if (!p)
			return NULL;
		found |= (unsigned char)low <= (unsigned char)c &&
			 (unsigned char)c <= (unsigned char)high;
	}
	*matches = found != negated;
	return p + 1;
}

bool glob_valid(const char *pattern)
{
	bool ignored;

	while (pattern && *pattern) {
		if (*pattern == '[') {
			pattern = class_match(pattern, 'x', &ignored);
		} else if (*pattern == '\\') {
			pattern = pattern[1] ? pattern + 2 : NULL;
		} else {
			pattern++;
		}
	}
	return pattern != NULL;
}

/* Matches one element other than '*' against c; NULL: no. */
static const char *element_match(const char *p, char c)
{
	bool matches;

	if (*p == '[') {
		p = class_match(p, c, &matches);
		return matches ? p : NULL;
	}
	if (*p == '?')
		return c != '/' ? p + 1 : NULL;
	if (*p == '\\')
		p++;
	return *p == c ? p + 1 : NULL;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL; /* the last '*', and where its rest was tried */

	/* Going back to the last star only is enough, as in every glob: an earlier one that took
	 * more could not let more match. */
	while (*text) {
		const char *next =
		    *pattern && *pattern != '*' ? element_match(pattern, *text) : NULL;

		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (next) {
			pattern = next;
			text++;
		} else if (star && *retry != '/') {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

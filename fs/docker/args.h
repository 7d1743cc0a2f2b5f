/* SPDX-License-Identifier: MIT */
/*
 * Argument lines as docker's command line takes them (github.com/spf13/pflag): a line is split
 * into words, with quotes as in a shell; words are options (--name, --name=value, --name value,
 * -q, -f value, -fvalue, bundles) or operands, mixed in any order, and only operands behind "--".
 * Errors are pflag's sentences, -EINVAL. Pure. Ours, as getopt_long(3) is not reentrant.
 */
#ifndef FS_ARGS_H
#define FS_ARGS_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A NULL-terminated list of words or values. */
struct words {
	char **at; /* owned, as are the strings */
	size_t count;
};
#define WORDS_INIT                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

int words_add(struct words *w, const char *text, size_t len, struct err *err);
void words_clear(struct words *w);
#define autowords __attribute__((cleanup(words_clear))) struct words

/* Splits at blanks. '…' is taken as it stands. In "…" and outside of quotes a backslash takes the next
 * character as it stands. In $'…', \n is a line break, which a line has no other way to say, \\ a
 * backslash, and \' a quote. A quote without its end: -EINVAL. */
int words_split(const char *line, struct words *out, struct err *err);

/* An option and where its value goes; a table of them ends with a row without name. */
struct args_option {
	const char *name;   /* "no-trunc", without the dashes */
	char letter;	    /* 'q', or 0 */
	bool *flag;	    /* set for an option that is true or false */
	const char **value; /* set for one value: the last, borrowed from the words */
	struct words *list; /* set for a list: all values, copied */
};

#define ARGS_EXIT 125 /* docker's exit status where an option or its value is wrong (err_exit) */

/* Parses the words; *operands gets copies of those that are no options. -EINVAL, with ARGS_EXIT. */
int args_parse(const struct words *words, const struct args_option *options, struct words *operands,
	       struct err *err);

/* Checks the number of operands, in docker's words: "'pull' requires 1 argument". */
int args_count(const char *verb, const struct words *operands, size_t min, size_t max,
	       struct err *err);

#endif

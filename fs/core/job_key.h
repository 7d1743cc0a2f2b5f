/* SPDX-License-Identifier: MIT */
/*
 * What a job is for, apart from what ctl/jobs calls it: two jobs are the same work where their keys
 * are equal, whatever their titles are. Each file that starts jobs has kinds of its own, so that its
 * keys do not meet those of another.
 */
#ifndef FS_JOB_KEY_H
#define FS_JOB_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct job_key {
	const char *kind;    /* one word, "layers"; NULL: no key */
	const char *name;    /* a reference in full, a digest, …; NULL: the kind says it all */
	uint64_t first, end; /* [first, end) of what is named, in the kind's own units; 0, 0: all */
};

/* The key, whose kind is not NULL, as a text that no other key has. The caller frees it; NULL: out of
 * memory. The other two compare such a text with a key, and with a kind. */
char *job_key_text(const struct job_key *k);
bool job_key_is(const struct job_key *k, const char *text);
bool job_key_is_of_kind(const char *text, const char *kind);

#endif

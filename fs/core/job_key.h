/* SPDX-License-Identifier: MIT */
/*
 * What a job is for, apart from how ctl/jobs calls it: two jobs are the same work where their keys
 * are equal, whatever their titles are. Who starts a job has kinds of its own, so that the keys of
 * two do not meet.
 */
#ifndef FS_JOB_KEY_H
#define FS_JOB_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct job_key {
	const char *kind;    /* one word, "layers"; NULL: no key */
	const char *name;    /* of what: a reference in full, or a digest; NULL: the kind says it */
	uint64_t first, end; /* [first, end) of that, in the kind's own units; 0, 0: all of it */
};

/* The key as a text, which no other key has. The caller frees it; NULL: out of memory. */
char *job_key_text(const struct job_key *k);
bool job_key_is(const struct job_key *k, const char *text);
bool job_key_is_of_kind(const char *text, const char *kind);

#endif

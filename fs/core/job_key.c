/* SPDX-License-Identifier: MIT */
#include "fs/core/job_key.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FRONT_MAX 128

/* All but the name. That comes last, as it may hold anything. */
static size_t key_front(const struct job_key *k, char front[static FRONT_MAX])
{
	int n =
	    snprintf(front, FRONT_MAX, "%s %" PRIu64 " %" PRIu64 " ", k->kind, k->first, k->end);

	assert(n < FRONT_MAX && !strchr(k->kind, ' '));
	return (size_t)n;
}

char *job_key_text(const struct job_key *k)
{
	char front[FRONT_MAX], *text;

	key_front(k, front);
	return asprintf(&text, "%s%s", front, k->name ? k->name : "") < 0 ? NULL : text;
}

bool job_key_is(const struct job_key *k, const char *text)
{
	char front[FRONT_MAX];
	size_t len = key_front(k, front);

	return !strncmp(text, front, len) && !strcmp(text + len, k->name ? k->name : "");
}

bool job_key_is_of_kind(const char *text, const char *kind)
{
	size_t len = strlen(kind);

	return !strncmp(text, kind, len) && text[len] == ' ';
}

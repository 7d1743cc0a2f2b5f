/* SPDX-License-Identifier: MIT */
/*
 * Platforms as docker and containerd write them: os/architecture[/variant], with
 * their normal forms (x86_64 is amd64, aarch64 and arm64/v8 are arm64, arm is arm/v7)
 * and the order in which a platform falls back (amd64/v3 → v2 → v1 → 386;
 * arm64 → arm/v8 → v7 → v6 → v5; arm/v7 → v6 → v5). Pure.
 */
#ifndef STORE_PLATFORM_H
#define STORE_PLATFORM_H

#include "store/base/err.h"

#include <stdbool.h>

#define PLATFORM_PART_MAX 64
#define PLATFORM_TEXT_MAX (3 * PLATFORM_PART_MAX)

struct platform {
	char os[PLATFORM_PART_MAX];
	char architecture[PLATFORM_PART_MAX];
	char variant[PLATFORM_PART_MAX]; /* "" where none */
};

/* Parses and normalises "linux/arm64/v8", "linux/amd64", or one word, an OS or an architecture (the host
 * gives the rest). -EINVAL: it is no platform. */
int platform_parse(const char *text, struct platform *out, struct err *err);

/* Takes the three parts as a document has them (NULL: absent) and normalises. -EINVAL: one is too long,
 * or has other characters than letters, digits, "_", "." and "-". */
int platform_set(struct platform *p, const char *os, const char *architecture, const char *variant,
		 struct err *err);

/* The platform of this machine: linux, with the variant of an amd64 processor. */
void platform_host(struct platform *out);

/* Writes "os/architecture[/variant]" into text, and returns it. */
const char *platform_text(const struct platform *p, char text[static PLATFORM_TEXT_MAX]);
bool platform_equal(const struct platform *a, const struct platform *b);

/* How well `have` serves a wish: 0: it is the same; larger: worse; -1: not at all. */
int platform_rank(const struct platform *wish, const struct platform *have);

#endif

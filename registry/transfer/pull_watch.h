/* SPDX-License-Identifier: MIT */
/*
 * Who watches a pull or a push, and how it is told. No state; the watcher's functions are called on
 * the caller's thread.
 */
#ifndef REGISTRY_PULL_WATCH_H
#define REGISTRY_PULL_WATCH_H

#include "store/base/digest.h"

#include <stdint.h>

/* Calls come from any thread, one at a time for one pull. All may be NULL. */
struct pull_watch {
	void *arg;
	/* A line of docker's plain output: "e756f3fdd6a3: Pulling fs layer", "…: Download
	 * complete", "…: Pull complete", "…: Already exists", "7: Pulling from library/redis",
	 * "Digest: sha256:…", "Status: …", "docker.io/library/redis:7". No newline. */
	void (*line)(void *arg, const char *line);
	/* Of blobs: held so far, and in all. */
	void (*bytes)(void *arg, uint64_t done, uint64_t total);
};

/* Each does nothing where nobody watches: w, or what it would call, may be NULL. */
void pull_watch_line(const struct pull_watch *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "e756f3fdd6a3: WHATFROM" */
void pull_watch_blob(const struct pull_watch *w, const struct digest *d, const char *what,
		     const char *from);
void pull_watch_bytes(const struct pull_watch *w, uint64_t done, uint64_t total);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What pulls and pushes have in common: between which registry and which store, for whom, until
 * when, and who watches. Owns nothing; one may be used by several threads.
 */
#ifndef REGISTRY_TRANSFER_H
#define REGISTRY_TRANSFER_H

#include "registry/api/registry.h"
#include "store/disk/lease.h"
#include "store/disk/store.h"
#include "store/oci/platform.h"

/* Calls come from any thread, one at a time for one transfer. All may be NULL. */
struct transfer_watch {
	void *arg;
	/* A line of docker's plain output: "e756f3fdd6a3: Pulling fs layer", "…: Download
	 * complete", "…: Pull complete", "…: Already exists", "7: Pulling from library/redis",
	 * "Digest: sha256:…", "Status: …", "docker.io/library/redis:7". No newline. */
	void (*line)(void *arg, const char *line);
	/* Of blobs: held so far, and in all. */
	void (*bytes)(void *arg, uint64_t done, uint64_t total);
	/* Of one blob: as above. */
	void (*blob)(void *arg, const struct digest *digest, uint64_t done, uint64_t total);
};

struct soci;
struct toc_image;

/* Layers that have a table of contents are shown by it. Of a table that is no good its owner is told,
 * from any thread; the layer comes whole then. */
struct transfer_lazy {
	void *arg;
	void (*refused)(void *arg, const struct digest *layer, int result, const struct err *why);
	const struct soci
	    *soci; /* or NULL: the image's, for layers that bring no table themselves */
	struct toc_image
	    *toc_image; /* or NULL: the image's, for those that say that theirs is there */
};

struct transfer {
	struct registry *registry;
	struct store *store;
	const struct platform *platform; /* the wish */
	struct cancel *cancel;
	const struct transfer_watch *watch; /* or NULL */
	struct lease *lease; /* holds what is fetched until a name does; NULL where nothing is ever
				deleted meanwhile */
	const struct transfer_lazy *lazy; /* or NULL: layers are wanted whole */
};

/* Tell the watch, on the caller's thread. Each does nothing where nobody watches. */
void transfer_line(const struct transfer *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "e756f3fdd6a3: WHATFROM" */
void transfer_blob_line(const struct transfer *t, const struct digest *d, const char *what,
			const char *from);
void transfer_bytes(const struct transfer *t, uint64_t done, uint64_t total);
void transfer_blob(const struct transfer *t, const struct digest *digest, uint64_t done,
		   uint64_t total);

/* What a transfer relies on is held by its lease before it looks whether it is there
 * (store/disk/lease.h). */
int transfer_hold(const struct transfer *t, const struct digest *digest, struct err *err);

#endif

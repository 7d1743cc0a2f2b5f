/* SPDX-License-Identifier: MIT */
/*
 * What pulls and pushes have in common: the registry and the store, the platform, what cancels them,
 * and what watches them. Owns nothing; one may be used by several threads.
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
	/* Bytes of all blobs: held so far, and in all. */
	void (*bytes)(void *arg, uint64_t done, uint64_t total);
	/* Bytes of one blob: held so far, and in all. */
	void (*blob)(void *arg, const struct digest *digest, uint64_t done, uint64_t total);
};

struct soci;
struct toc_image;

/* Layers that have a table of contents are shown by it. Where a table is bad, `refused` is called, from
 * any thread, and the layer comes whole. */
struct transfer_lazy {
	void *arg;
	void (*refused)(void *arg, const struct digest *layer, int result, const struct err *why);
	const struct soci
	    *soci; /* the image's, for layers that bring no table themselves; or NULL */
	struct toc_image
	    *toc_image; /* the image's, for layers that say that their table is there; or NULL */
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

/* Has the transfer's lease hold a digest. To be called before the transfer looks whether the store has
 * it (store/disk/lease.h). */
int transfer_hold(const struct transfer *t, const struct digest *digest, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The jobs that bring what a request misses: manifests of names, parts of an image,
 * the layers and the tree of a view. Each starts or joins a job, leaves it in rq->wait
 * and returns FS_WAIT; called again after the wait it gives what the job came to: 0, or
 * its error. An error that is known without a job (a recent answer of the registry, a
 * name that may not be asked for) is returned at once.
 */
#ifndef FS_FETCH_H
#define FS_FETCH_H

#include "fs/tree/repo_image.h"
#include "fs/core/vnode.h"
#include "registry/transfer/transfer.h"
#include "store/tree/tree.h"

/* The manifest of a reference, recorded as a name of the store. -ETIMEDOUT after FS_LOOKUP_LIMIT,
 * -ENOENT where the request may not reach a registry, -ENETUNREACH where the mount is offline. */
int fetch_name(struct request *rq, const struct ref *ref, struct err *err);

/* Manifest and config of an image for the mount's platform: 0 at once where the store has them.
 * -ENOENT where the index has nothing for the platform; else as fetch_child. */
int fetch_image(struct request *rq, struct repo_image *i, struct err *err);

/* A document that an index of the repository names; it is not recorded as a name. It comes with
 * lookup=local as well, since the index is local. -ETIMEDOUT as above; -ENOENT where neither the owner
 * nor root asks, -ENETUNREACH where the mount is offline. */
int fetch_child(struct request *rq, const struct ref *repository, const struct descriptor *d,
		struct err *err);

/* One layer's blob and index; of an artifact the blob. The image must be ready. */
int fetch_layer(struct request *rq, struct repo_image *i, size_t layer, struct err *err);

/* Layers [first, first + count) of an image, which must be ready, and the tree of them. */
int fetch_tree(struct request *rq, struct repo_image *i, enum tree_kind kind, size_t first,
	       size_t count, struct err *err);

/* What refers to an image; the answer is kept in fs->referrers. 0 at once where no registry is asked
 * (fetch_referrers_due): the request may not reach one, the mount is offline, or one was asked less
 * than a minute ago. */
int fetch_referrers(struct request *rq, struct repo_image *i, struct err *err);
bool fetch_referrers_due(const struct request *rq, const struct repo_image *i);

/* What a job fetches with, for the mount's platform. A caller that needs a watch or a lease adds it. */
struct transfer fetch_transfer_of(struct fs *fs, struct job *j);

/* job_spec.ended of a job that fetches (ended_arg: fs): an event. */
void fetch_ended(void *fs, const char *title, int result, const struct err *err);

/* The tags of a repository. Once it gives 0, job_result(rq->ended) has them, one a line. */
int fetch_tags(struct request *rq, const struct ref *repository, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the verbs pull, push and index have in common: their options and their one operand; docker's
 * lines in the request's answer (with -q, the reference alone); bytes for ctl/jobs; and a lease.
 */
#ifndef FS_TRANSFER_VERB_H
#define FS_TRANSFER_VERB_H

#include "fs/core/fs.h"
#include "fs/core/job.h"
#include "fs/docker/args.h"
#include "registry/transfer/transfer.h"

struct transfer_verb {
	struct job *job;
	struct buf *answer;
	bool all, quiet;
	const char *wish; /* the platform, as it was given; or NULL */
	struct platform platform;
	struct transfer_watch watch;
	struct transfer transfer; /* refers to platform and watch */
};

/* Runs the verb. `run` gets the operand as a reference; with --all-tags it is one of a repository. */
int transfer_verb(const char *verb, struct fs *fs, struct job *j, const struct words *args,
		  struct buf *answer,
		  int (*run)(const struct transfer_verb *v, const struct ref *ref, struct err *err),
		  struct err *err);

#endif

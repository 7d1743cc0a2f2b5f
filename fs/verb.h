/* SPDX-License-Identifier: MIT */
/*
 * The verbs of ctl/: a row in a table and a function each. A verb that takes requests
 * runs them line by line on a job's thread; one that answers prints a table, with arguments
 * behind `?` in the file's name. Options and words are those of the docker command of that name.
 */
#ifndef FS_VERB_H
#define FS_VERB_H

#include "fs/args.h"
#include "fs/fs.h"
#include "fs/job.h"

struct verb {
	const char *name;
	const char *usage;   /* of its arguments */
	const char *summary; /* one line */
	/* A request: its words; what docker would print goes to `answer`. On the thread of job `j`.
	 * NULL: takes none. */
	int (*run)(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		   struct err *err);
	/* An answer, at once. NULL: reading shows usage and recent outcomes. */
	int (*print)(struct fs *fs, const struct words *args, struct buf *out, struct err *err);
	bool grows; /* ctl/events: read in place, not as a snapshot */
};

extern const struct verb verbs[];
extern const size_t verbs_count;

const struct verb *verb_find(const char *name, size_t len); /* or NULL */

/* For verbs without arguments: -EINVAL in docker's words where there are some. */
int verb_no_arguments(const char *verb, const struct words *args, struct err *err);

/* The functions of the rows, in verb_*.c. */
int verb_pull(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err);
int verb_images(struct fs *fs, const struct words *args, struct buf *out, struct err *err);
int verb_jobs(struct fs *fs, const struct words *args, struct buf *out, struct err *err);
int verb_stats(struct fs *fs, const struct words *args, struct buf *out, struct err *err);
int verb_help(struct fs *fs, const struct words *args, struct buf *out, struct err *err);

#endif

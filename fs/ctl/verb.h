/* SPDX-License-Identifier: MIT */
/*
 * The verbs of ctl/: a row in a table and a function each. A verb takes requests, lines that it
 * runs one by one on a job's thread; one that changes nothing also takes its arguments behind `?`
 * in the file's name. Options and words are those of the docker command of that name.
 *
 * The owner of the mount, and root, may do everything. Another user, whom allow_other lets in, may
 * only read the verbs whose row says `others`. Those tell what images/ shows everybody as well, or
 * count; they ask no registry, open no path that they are given, and tell of nobody's requests.
 */
#ifndef FS_VERB_H
#define FS_VERB_H

#include "fs/docker/args.h"
#include "fs/core/fs.h"
#include "fs/core/job.h"
#include "store/base/feed.h"

enum verb_kind {
	VERB_TABLE, /* changes nothing, and is printed at once from what is here; by write, too */
	VERB_QUESTION, /* changes nothing, and may ask a registry or take its time; by write, too */
	VERB_REQUEST,  /* changes something: by write only */
	VERB_STREAM,   /* a request that comes in pieces: a line, and data behind it */
	VERB_ARCHIVE,  /* read by a name with arguments: an archive; a write is told that name */
	VERB_LOG,      /* only grows, and is read in place: ctl/events */
};

/* A request that comes in pieces. The first piece begins with a request line where it has a newline
 * before any NUL byte. The verb knows what that line means. */
struct verb_stream {
	/* The state of one request. */
	int (*open)(struct fs *fs, void **state, struct err *err);
	/*
	 * Takes the next bytes, on the thread of job `j`; `len` 0: no more will come. FEED_MORE, or
	 * FEED_DONE: the request is done, what docker would print is in `answer`, and *used (`len`
	 * before the call) says how many bytes were the request's. -errno: it failed, and nothing of
	 * it is left.
	 */
	int (*write)(void *state, struct job *j, const void *data, size_t len, size_t *used,
		     struct buf *answer, struct err *err);
	/* The request's name in jobs, outcomes and events: never a secret. Valid until the next
	 * write. */
	const char *(*subject)(const void *state);
	void (*close)(void *state); /* drops what is not done */
};

struct verb {
	const char *name;
	const char *usage;   /* of its arguments */
	const char *summary; /* one line */
	enum verb_kind kind;
	bool bare;   /* a request may be without arguments */
	bool remote; /* its last word is a reference, whose registry it asks */
	bool others; /* another user than the owner may read it; a VERB_TABLE */
	/* Runs a request by its words. What docker would print goes to `answer`, by porcelain_error
	 * where that is on standard error. `j` is the job that runs it; NULL for a table that the
	 * owner reads. */
	int (*run)(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		   struct err *err);
	const struct verb_stream *stream;
};

extern const struct verb verbs[];
extern const size_t verbs_count;

const struct verb *verb_find(const char *name, size_t len); /* or NULL */

/* True where the verb changes nothing, and its file without arguments is an answer as well. */
bool verb_answers(const struct verb *verb);

/* True where the verb takes arguments in its file's name, too. */
bool verb_takes_line(const struct verb *verb);

/* Whether its file can be read: by the owner of the mount, or by another user. */
bool verb_may_read(const struct verb *verb, bool owner);

/* For verbs without arguments: -EINVAL in docker's words where there are some. */
int verb_no_arguments(const char *verb, const struct words *args, struct err *err);

/* The functions of the rows, in verb_*.c. */
int verb_pull(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err);
int verb_images(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		struct err *err);
int verb_jobs(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err);
int verb_df(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	    struct err *err);
int verb_diff(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err);
int verb_fsck(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err);
int verb_history(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		 struct err *err);
int verb_index(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	       struct err *err);
int verb_inspect(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		 struct err *err);
extern const struct verb_stream verb_login;
int verb_logout(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err);
int verb_manifest(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		  struct err *err);
int verb_prune(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	       struct err *err);
int verb_push(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err);
int verb_rmi(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	     struct err *err);
int verb_save(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err);
int verb_tag(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	     struct err *err);
int verb_search(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err);
int verb_stats(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	       struct err *err);
int verb_help(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err);
int verb_verify(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err);

extern const struct verb_stream verb_import;
extern const struct verb_stream verb_load;

#endif

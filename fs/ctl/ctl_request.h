/* SPDX-License-Identifier: MIT */
/*
 * Requests to a verb as jobs: each line of a text is one request, and for
 * verbs that need no arguments a text of blanks is one, too. All are tried; the first failure
 * is the outcome. job_result holds what docker would print for all of them, errors included.
 */
#ifndef FS_CTL_REQUEST_H
#define FS_CTL_REQUEST_H

#include "fs/ctl/verb.h"
#include "fs/core/vnode.h"

#define CTL_REQUEST_MAX 65536 /* bytes of requests in one write */

/* Starts the job of a text without NUL bytes: FS_WAIT, or -errno. It is joined by nobody; its key
 * is for request_done. */
int ctl_request_start(struct request *rq, const struct job_key *key, const struct verb *verb,
		      const char *text, size_t len, struct err *err);

/*
 * The line that another user than the owner reads a verb with. Nothing is kept of it, neither as an
 * outcome nor as an event: those are the owner's. CTL_OTHERS_AT_ONCE of all of them run at a time,
 * so that the owner's jobs and the FUSE workers go on however many they are.
 */
#define CTL_OTHERS_AT_ONCE 2
int ctl_request_look(struct request *rq, const struct job_key *key, const struct verb *verb,
		     const char *line, struct err *err);

/* Requests for whose end nobody waits: a job that ends by itself. */
void ctl_request_detach(struct fs *fs, const struct verb *verb, const char *text, size_t len);

/* A request that the job ran has ended. Appends the error of a failure to what it printed, and keeps
 * both (outcomes_record); a table that was printed is nothing to keep. */
void ctl_request_ended(struct job *j, struct fs *fs, const struct verb *verb, const char *subject,
		       struct buf *answer, int result, struct err *err);

#endif

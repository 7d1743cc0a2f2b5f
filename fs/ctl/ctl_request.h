/* SPDX-License-Identifier: MIT */
/*
 * Requests to a verb as jobs: each line of a text is one request. For verbs that need no
 * arguments a text of blanks is one, too. All are tried, but none after -EINTR; the first failure is
 * the outcome. job_result holds what docker would print for all of them, errors included.
 */
#ifndef FS_CTL_REQUEST_H
#define FS_CTL_REQUEST_H

#include "fs/ctl/verb.h"
#include "fs/core/vnode.h"

#define CTL_REQUEST_MAX 65536 /* bytes of requests in one write */

/* Starts the job of a text without NUL bytes: FS_WAIT, or -errno. Nobody joins the job; its key is for
 * request_done. */
int ctl_request_start(struct request *rq, const struct job_key *key, const struct verb *verb,
		      const char *text, size_t len, struct err *err);

/*
 * Starts the job of a line by which another user than the owner reads a verb. It is kept neither as an
 * outcome nor as an event: those are the owner's. At most CTL_OTHERS_AT_ONCE of these jobs run at a
 * time, so that the owner's jobs go on however many there are.
 */
#define CTL_OTHERS_AT_ONCE 2
int ctl_request_look(struct request *rq, const struct job_key *key, const struct verb *verb,
		     const char *line, struct err *err);

/* The same as ctl_request_start for requests whose end nobody waits for. */
void ctl_request_detach(struct fs *fs, const struct verb *verb, const char *text, size_t len);

/* A request that the job ran has ended. Appends the error of a failure to what it printed, and keeps
 * both (outcomes_record); a table that was printed is nothing to keep. */
void ctl_request_ended(struct job *j, struct fs *fs, const struct verb *verb, const char *subject,
		       struct buf *answer, int result, struct err *err);

#endif

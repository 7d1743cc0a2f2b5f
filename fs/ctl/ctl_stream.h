/* SPDX-License-Identifier: MIT */
/*
 * A request to a stream verb (struct verb_stream) on its way: each piece that is written is a job,
 * and so is the end. Where a request ends in the midst of a piece, another may follow; zero bytes
 * between them are padding. Counted: the control file and each job hold it, as the file may be
 * closed before its last job has ended. Thread safe.
 */
#ifndef FS_CTL_STREAM_H
#define FS_CTL_STREAM_H

#include "fs/ctl/verb.h"
#include "fs/core/vnode.h"

struct ctl_stream;
struct ctl_stream *ctl_stream_new(struct fs *fs, const struct verb *verb); /* NULL: no memory */

/* True where a request has begun and is not done. */
bool ctl_stream_open(struct ctl_stream *s);

/* The next piece: data from `offset` of the file on; len 0: no more will come. */
struct ctl_piece {
	uint64_t offset;
	const void *data;
	size_t len;
};

/* Starts the job that takes the piece: FS_WAIT, or -errno; -EBUSY while another piece is under way.
 * Where that one's writer was interrupted, waits for it instead. job_result holds what docker would
 * print. */
int ctl_stream_write(struct request *rq, struct ctl_stream *s, const struct ctl_piece *p,
		     struct err *err);

/* True where the request has waited for its piece; *r is what that came to. A piece that was interrupted
 * and did not come again is lost; the next piece gets -EBADMSG. */
bool ctl_stream_done(struct request *rq, struct ctl_stream *s, const struct ctl_piece *p, int *r,
		     struct err *err);

/* The control file is closed: an open request ends, by a job that nobody waits for. Drops the
 * reference; NULL is allowed. */
void ctl_stream_close(struct ctl_stream *s);

#endif

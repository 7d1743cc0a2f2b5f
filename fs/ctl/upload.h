/* SPDX-License-Identifier: MIT */
/*
 * What comes to ctl/load and ctl/import: an archive, behind a request line or without one; or a
 * line that names the archive's file. This finds the end of the line and reads the file; the verb
 * knows what they mean. One request; not thread safe.
 */
#ifndef FS_UPLOAD_H
#define FS_UPLOAD_H

#include "fs/docker/args.h"
#include "fs/core/fs.h"
#include "fs/core/job.h"
#include "store/base/feed.h"

#define UPLOAD_LINE_MAX 65536

struct upload {
	/* Gets the words of the request line; none where there is no line. *path: the file to read
	 * instead of what follows; upload.c frees it. */
	int (*begin)(void *arg, const struct words *words, char **path, struct err *err);
	/* As archive_loader_feed; what docker would print goes to `answer` with FEED_DONE. */
	int (*feed)(void *arg, const void *data, size_t len, struct cancel *cancel, size_t *used,
		    struct buf *answer, struct err *err);
	void *arg;

	struct buf head; /* owned: bytes before it is known whether they are a line */
	bool begun;
	char *line;	/* owned: the request line, or NULL */
	uint64_t bytes; /* of the archive so far */
};
void upload_clear(struct upload *u);

/* As verb_stream.write. */
int upload_write(struct upload *u, struct fs *fs, struct job *j, const void *data, size_t len,
		 size_t *used, struct buf *answer, struct err *err);
const char *upload_subject(const struct upload *u); /* the line, or "-" */

#endif

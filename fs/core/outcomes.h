/* SPDX-License-Identifier: MIT */
/*
 * What became of recent requests to a verb. A read of its control file shows it
 * behind the usage. The last OUTCOMES_MAX of each verb are kept, whatever other verbs do.
 * Thread safe.
 */
#ifndef FS_OUTCOMES_H
#define FS_OUTCOMES_H

#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/base/mem.h"

#define OUTCOMES_MAX 16

struct fs;
struct outcomes;

int outcomes_open(struct outcomes **out, struct err *err);
void outcomes_close(struct outcomes *o); /* NULL is allowed */
DEFINE_AUTO(struct outcomes, outcomes_close)

/* Keeps an outcome, of a long answer its first 64 KiB. `answer` is what the request printed, its error
 * included. `result` is 0, or -errno with its sentence in `err`, which is kept where the answer is
 * empty. Where memory is out, nothing is kept. */
void outcomes_add(struct outcomes *o, const char *verb, const char *request, const char *answer,
		  int result, const struct err *err);
/* The same, and tells it as an event (events.h). */
void outcomes_record(struct fs *fs, const char *verb, const char *request, const char *answer,
		     int result, const struct err *err);
/* Appends the outcomes of a verb, the oldest first. */
void outcomes_print(struct outcomes *o, const char *verb, struct buf *out);

#endif

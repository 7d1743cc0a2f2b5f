/* SPDX-License-Identifier: MIT */
/*
 * The form of an answer that is for programs. A write that begins with the word --porcelain gets
 * it, whatever the verb. With --porcelain=TOKEN, ctl/jobs?TOKEN shows how far the request is while
 * it is under way (fs/core/board.h). Each line of the answer has a mark in front, and the last one says
 * how the request ended:
 *
 *     out LINE                what docker prints on standard output
 *     err LINE                what it prints on standard error
 *     end ok 0                or the name of the errno, and docker's exit status: end ENOENT 1
 *
 * A status other than 0 behind ok is an answer: "end ok 1", of diff, that there are changes.
 */
#ifndef FS_PORCELAIN_H
#define FS_PORCELAIN_H

#include "fs/core/job.h"

/* The length of the word at the front of a text, which is no part of the request; 0: it is not there.
 * The token goes to `token` (BOARD_TOKEN_MAX bytes, or NULL): empty where there is none. */
size_t porcelain_asked(const char *text, size_t len, char *token);

/* Appends lines to the answer of the request that the job runs, and remembers that docker prints them
 * on standard error. `j` is NULL where nobody can have asked for the form. */
void porcelain_error(struct job *j, struct buf *answer, const char *lines);

/* Gives the answer to a request its form, where `asked`, and forgets the lines that are remembered.
 * `result` is 0 or -errno; in either case err has the exit status. */
void porcelain_end(struct job *j, bool asked, struct buf *answer, int result,
		   const struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * An error: a code and one sentence, on the caller's stack.
 *
 * The contract of the whole program: a function that can fail returns 0 (or a
 * count) or -errno and takes a `struct err *` last, which it fills on failure.
 * Callers add context on the way up; the edge in fs/ reports the error once. A caller
 * that does not want the sentence passes NULL.
 */
#ifndef STORE_ERR_H
#define STORE_ERR_H

#include <stdbool.h>

#define ERR_TEXT_MAX 1024

struct err {
	int code;		 /* errno, positive; 0: no error */
	int exit_status;	 /* of a command line that ends with this error; 0: the usual one */
	char text[ERR_TEXT_MAX]; /* one sentence, cut if too long; err_add adds lines */
};

/* Sets code and sentence; returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same from errno (EIO if that is 0), with ": " and its message behind the sentence. */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the exit status (>= 0) of an error that was set before; returns -code. */
int err_exit(struct err *err, int exit_status);

/* Out of memory; returns -ENOMEM. */
int err_nomem(struct err *err);

/* Puts "fmt: " in front of the sentence; returns -code. */
int err_context(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For several failures of one request: appends the other's sentence on a line of its own. False: there
 * is no room for it. Neither may be NULL. */
bool err_add(struct err *err, const struct err *other);

#endif

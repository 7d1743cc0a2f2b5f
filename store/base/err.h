/* SPDX-License-Identifier: MIT */
/*
 * An error: a code and one sentence, on the caller's stack.
 *
 * The contract of the whole program: a function that can fail returns 0 (or a
 * count) or -errno and takes a `struct err *` last, which it fills on failure.
 * Whoever goes up adds context; the edge in fs/ reports it once. A NULL err is
 * allowed where the sentence is of no interest.
 */
#ifndef STORE_ERR_H
#define STORE_ERR_H

#include <stdbool.h>

#define ERR_TEXT_MAX 1024

struct err {
	int code;		 /* errno, positive; 0: no error */
	int exit_status;	 /* of a command line that ends with it; 0: as most do */
	char text[ERR_TEXT_MAX]; /* one sentence, cut where it is too long; err_add: a line each */
};

/* Sets code and sentence; returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same from errno, with ": " and its message behind the sentence; returns -errno. */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same error as one that ends a command line with that status; returns -code. */
int err_exit(struct err *err, int exit_status);

/* Out of memory; returns -ENOMEM. */
int err_nomem(struct err *err);

/* Puts "fmt: " in front of the sentence; returns -code. */
int err_context(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of several failures of one request: puts the other's sentence behind, on a line of its own. false
 * where there is no room for it. */
bool err_add(struct err *err, const struct err *other);

#endif

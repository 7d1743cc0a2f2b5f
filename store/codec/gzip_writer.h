/* SPDX-License-Identifier: MIT */
/*
 * Writes gzip (RFC 1952): one member without name and time, so that equal bytes give equal bytes.
 * Not thread safe.
 */
#ifndef STORE_GZIP_WRITER_H
#define STORE_GZIP_WRITER_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stddef.h>

struct gzip_writer;
/* Takes all `len` compressed bytes (maybe 0). Not 0 ends the writing with that error. */
typedef int (*gzip_write_fn)(void *arg, const void *data, size_t len, struct err *err);
int gzip_writer_open(gzip_write_fn write, void *arg, struct gzip_writer **out, struct err *err);
int gzip_writer_data(struct gzip_writer *w, const void *data, size_t len, struct err *err);
int gzip_writer_finish(struct gzip_writer *w, struct err *err); /* then only close */
void gzip_writer_close(struct gzip_writer *w);			/* NULL is allowed */
DEFINE_AUTO(struct gzip_writer, gzip_writer_close)

#endif

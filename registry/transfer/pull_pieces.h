/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a range of a blob, in order, over one connection or several. Where the reader waits
 * for the network most of the time, helpers fetch later pieces, each over a connection of its own.
 * The memory of pieces that wait for the reader is bounded. Owns the helpers; one thread reads.
 */
#ifndef REGISTRY_PULL_PIECES_H
#define REGISTRY_PULL_PIECES_H

#include "registry/transfer/pull.h"

struct pull_pieces;
/* All arguments are borrowed until the close. *comes and errors are those of registry_blob. */
int pull_pieces_open(const struct transfer *t, const struct ref *repository,
		     const struct descriptor *d, struct byte_range range, struct byte_range *comes,
		     struct pull_pieces **out, struct err *err);
/* 1..max bytes, 0 at the end, -ESTALE: all of the blob comes next; else as registry_stream_read. */
ssize_t pull_pieces_read(struct pull_pieces *p, void *data, size_t max, struct err *err);
void pull_pieces_close(struct pull_pieces *p); /* NULL is allowed */
DEFINE_AUTO(struct pull_pieces, pull_pieces_close)

#endif

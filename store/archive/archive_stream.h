/* SPDX-License-Identifier: MIT */
/*
 * A tar archive on its way in: plain, or compressed by gzip or zstd (xz and bzip2 are refused). It is
 * taken apart into members and their bytes as they come. Its end is recognised. Pure: no I/O,
 * bounded memory. Not thread safe.
 *
 * An archive ends with its two blocks of zeros and, if it is compressed, with the end of a gzip
 * member or zstd frame behind them, whose checksum has held then. An archive without these blocks
 * (programs in Go that do not close their archive) ends where the input does.
 */
#ifndef STORE_ARCHIVE_STREAM_H
#define STORE_ARCHIVE_STREAM_H

#include "store/base/cancel.h"
#include "store/base/feed.h"
#include "store/codec/codec.h"
#include "store/tar/entry.h"
#include "store/base/mem.h"

/* Each returns 0, or the error that ends the archive. */
struct archive_sink {
	void *arg;
	int (*member)(void *arg, const struct entry *e, struct err *err);
	/* `data` gets the stored bytes of that member, in order. `end` comes before the next member,
	 * and at the end of the archive. Both may be NULL. */
	int (*data)(void *arg, const void *data, size_t len, struct err *err);
	int (*end)(void *arg, struct err *err);
};

struct archive_stream;
int archive_stream_open(const struct archive_sink *sink, struct archive_stream **out,
			struct err *err);

/* FEED_MORE, or FEED_DONE: the archive ended, and *used of these bytes were its own; then only close.
 * -EBADMSG: malformed; -EOPNOTSUPP: a compression that is not known; -EINTR; or the sink's error. */
int archive_stream_feed(struct archive_stream *a, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct err *err);

/* No more bytes will come. -EBADMSG ("unexpected EOF …"): the archive is not whole. */
int archive_stream_finish(struct archive_stream *a, struct err *err);

/* Plain bytes of the archive so far. */
uint64_t archive_stream_offset(const struct archive_stream *a);

/* Gives the compression. False: the input is too short yet to show it. */
bool archive_stream_compression(const struct archive_stream *a, enum compression *out);

void archive_stream_close(struct archive_stream *a);
DEFINE_AUTO(struct archive_stream, archive_stream_close)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The table of contents of a layer: its entries in the order of the archive, packed
 * into a compact byte stream that is compressed with zstd (paths share prefixes). It is
 * read from front to back only, when trees are merged. Writer and reader are pure over
 * memory; store/layer/layer_writer.h puts the stream into a file. The reader trusts nothing.
 */
#ifndef STORE_TOC_H
#define STORE_TOC_H

#include "store/base/buf.h"
#include "store/tar/entry.h"
#include "store/base/err.h"
#include "store/base/mem.h"

struct toc_writer;
int toc_writer_open(struct toc_writer **out, struct err *err);
/* -EBADMSG: the stream takes too much memory. */
int toc_writer_add(struct toc_writer *w, const struct entry *e, struct err *err);
int toc_writer_finish(struct toc_writer *w, struct buf *out,
		      struct err *err); /* appends the stream */
uint64_t toc_writer_count(const struct toc_writer *w);
uint64_t toc_writer_memory(const struct toc_writer *w); /* bytes of the stream so far */
void toc_writer_close(struct toc_writer *w);
DEFINE_AUTO(struct toc_writer, toc_writer_close)

/* Borrows the bytes for its lifetime. */
struct toc_reader;
int toc_reader_open(const void *data, size_t len, struct toc_reader **out, struct err *err);

enum { TOC_END = 0, TOC_ENTRY = 1 };

/* TOC_ENTRY and the next entry (valid until the next call), TOC_END, or -EBADMSG. */
int toc_reader_next(struct toc_reader *t, struct entry *out, struct err *err);
void toc_reader_close(struct toc_reader *t);
DEFINE_AUTO(struct toc_reader, toc_reader_close)

#endif

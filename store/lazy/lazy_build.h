/* SPDX-License-Identifier: MIT */
/*
 * Builds a layer's index from its table of contents. It is fed the bytes of lazy.next (of the blob,
 * or of the blob that has its table), and publishes derived/layers/HEX.table if their digest is the
 * one of the manifest. Nothing of the table is used before that. Each span is verified by its chunk's
 * digest when it is read. Memory is bounded, whatever the table says: the packed index
 * (LAZY_MEMORY_MAX), an entry (JSON_ELEMENT_MAX, a few times), and a zstd window of at most 32 MiB,
 * which is taken from the store's budget. One thread at a time.
 */
#ifndef STORE_LAZY_BUILD_H
#define STORE_LAZY_BUILD_H

#include "store/base/cancel.h"
#include "store/disk/store.h"
#include "store/lazy/lazy.h"

struct lazy_build;

/* l->has_table must be true; `layer` is the descriptor that lazy_find took. All are borrowed until
 * close; cancel may be NULL. */
int lazy_build_open(struct store *s, const struct lazy *l, const struct descriptor *layer,
		    const struct digest *diff_id, struct cancel *cancel, struct lazy_build **out,
		    struct err *err);

/* -EBADMSG and -EOPNOTSUPP as lazy.h has them. After an error only close. */
int lazy_build_feed(struct lazy_build *b, const void *data, size_t len, struct err *err);

/* Publishes the index. -EBADMSG: not all of lazy.next was fed, or it has another digest; then nothing is
 * published. */
int lazy_build_finish(struct lazy_build *b, struct err *err);
void lazy_build_close(struct lazy_build *b);
DEFINE_AUTO(struct lazy_build, lazy_build_close)

#endif

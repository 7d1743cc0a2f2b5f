/* SPDX-License-Identifier: MIT */
/*
 * A layer's index from its table of contents: fed the bytes of lazy.next (of the blob, or of the one that has its table), it publishes
 * derived/layers/HEX.table if their digest is the one of the manifest. Nothing of the table is used
 * before that. What it says of the content is believed no further than to the digests of chunks, by
 * which each span is verified when it is read. Memory is bounded, whatever the table says: the
 * packed index (LAZY_MEMORY_MAX), an entry (JSON_ELEMENT_MAX, a few times), a zstd window of
 * at most 32 MiB, which is taken from the store's budget. One thread at a time.
 */
#ifndef STORE_LAZY_BUILD_H
#define STORE_LAZY_BUILD_H

#include "store/base/cancel.h"
#include "store/disk/store.h"
#include "store/lazy/lazy.h"

struct lazy_build;

/* l->has_table. `layer`: what was given to lazy_find. All are borrowed until close; cancel may be
 * NULL. */
int lazy_build_open(struct store *s, const struct lazy *l, const struct descriptor *layer,
		    const struct digest *diff_id, struct cancel *cancel, struct lazy_build **out,
		    struct err *err);

/* -EBADMSG and -EOPNOTSUPP as lazy.h has them. After an error only close. */
int lazy_build_feed(struct lazy_build *b, const void *data, size_t len, struct err *err);

/* All of lazy.next was fed. -EBADMSG: it was not, or has another digest: then nothing is there. */
int lazy_build_finish(struct lazy_build *b, struct err *err);
void lazy_build_close(struct lazy_build *b);
DEFINE_AUTO(struct lazy_build, lazy_build_close)

#endif

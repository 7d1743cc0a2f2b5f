/* SPDX-License-Identifier: MIT */
/*
 * A table of contents as JSON, fed in pieces, becomes entries and spans of an index
 * (store/layer/layer_table.h). lazy_entry checks each entry by itself. Here entries are checked
 * against each other: a file's chunks follow each other without gap or overlap, and each has its
 * digest. The digest of the table itself is checked by lazy_build. One thread at a time.
 */
#ifndef STORE_LAZY_TABLE_H
#define STORE_LAZY_TABLE_H

#include "store/layer/layer_table.h"
#include "store/lazy/lazy.h"

/* Bytes of memory for spans and packed entries, which are kept until the end. A span takes 80 bytes, an
 * entry about 20 (names of a directory share their beginning), so a layer of 400000 files fits. */
#define LAZY_MEMORY_MAX	 (32u << 20)
#define LAZY_ENTRIES_MAX 2000000

struct lazy_table;

/* Uses format, landmarks and content_end of `from`. The index is borrowed. */
int lazy_table_open(struct layer_table *index, const struct lazy *from, struct lazy_table **out,
		    struct err *err);

/* Takes all `len` bytes of the JSON. -EBADMSG: no writer makes such a table; -EOPNOTSUPP: the layer
 * cannot be read by it (a chunk without sha256, too long, out of order; another version; more than
 * the limits above). The sentence names the entry and the rule. After an error only close. */
int lazy_table_feed(struct lazy_table *t, const void *data, size_t len, struct err *err);
int lazy_table_finish(struct lazy_table *t, struct err *err); /* the JSON ended here */

/* layer_claim.landmark, known after lazy_table_finish. */
uint64_t lazy_table_landmark(const struct lazy_table *t);
void lazy_table_close(struct lazy_table *t);
DEFINE_AUTO(struct lazy_table, lazy_table_close)

#endif

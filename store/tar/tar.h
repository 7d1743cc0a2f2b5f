/* SPDX-License-Identifier: MIT */
/*
 * A tar parser that is fed bytes and gives entries. Reads ustar, pax (POSIX.1-2001), GNU (long
 * names and links, base-256 numbers, old sparse, sparse 0.0, 0.1 and 1.0), star and v7 archives.
 * Global pax headers are checked, and then ignored, as in Go. Pure: pointer and length in, entries
 * out, no I/O, bounded memory (extension headers and sparse maps at most 1 MiB).
 *
 * It is our own, as libarchive does not tell where in the archive an entry's data lie. Where tar,
 * bsdtar and Go disagree it does what Go's archive/tar does, which wrote and will read most layers.
 */
#ifndef STORE_TAR_H
#define STORE_TAR_H

#include "store/tar/entry.h"
#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>

struct tar;

/* Called for every entry, before its data went by; entries of an unknown type are left out. Not 0 ends
 * the parsing with that error. */
typedef int (*tar_entry_fn)(void *arg, const struct entry *e, struct err *err);

int tar_open(tar_entry_fn on_entry, void *arg, struct tar **out, struct err *err);

/* Takes all `len` bytes; those behind the end marker are dropped. -EBADMSG: malformed; the sentence
 * names the offset and the rule. After an error only close. */
int tar_feed(struct tar *t, const void *data, size_t len, struct err *err);

/* The archive ended here. -EBADMSG: that is in the middle of an entry. A missing end marker is
 * accepted. */
int tar_finish(struct tar *t, struct err *err);

/* The offset of the next byte to come. Once the end marker (two blocks of zeros) went by, *ended is
 * true, and the offset stays the one behind the marker. */
uint64_t tar_offset(const struct tar *t, bool *ended);

void tar_close(struct tar *t); /* NULL is allowed */
DEFINE_AUTO(struct tar, tar_close)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Headers of a tar archive (POSIX.1-2017, pax interchange format): a ustar block, with a pax
 * extended header in front where the ustar fields do not hold the entry. Pure; the same entry gives
 * the same bytes.
 */
#ifndef STORE_TAR_WRITER_H
#define STORE_TAR_WRITER_H

#include "store/base/buf.h"
#include "store/tar/entry.h"
#include "store/base/err.h"

#define TAR_WRITER_BLOCK 512
#define TAR_WRITER_END	 1024 /* bytes of zeros behind the last entry */

/*
 * Appends the header blocks of an entry, by its path (a directory gets its "/"), link, mode, ids,
 * size (regular files only), mtime, device numbers and xattrs. A mode without a type makes a hard
 * link. -EINVAL: a type that tar does not know (sockets).
 */
int tar_writer_header(const struct entry *e, struct buf *out, struct err *err);

/* How many bytes of zeros fill up the last block of `size` bytes. */
static inline uint64_t tar_writer_padding(uint64_t size)
{
	return -size & (TAR_WRITER_BLOCK - 1);
}

#endif

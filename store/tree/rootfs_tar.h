/* SPDX-License-Identifier: MIT */
/*
 * A merged tree as a tar archive that exists nowhere: which entry stands at which offset. A
 * directory comes before its entries. Of hard links the first has the content. Sockets are left out.
 * Costs 16 bytes an entry. Read-only once open, thread safe then. Has no contents: a reader asks
 * what lies at an offset, and fetches it.
 */
#ifndef STORE_ROOTFS_TAR_H
#define STORE_ROOTFS_TAR_H

#include "store/base/buf.h"
#include "store/tree/tree.h"

struct rootfs_tar;

/* Borrows the tree until close. The result is right if tree_intact is true afterwards. */
int rootfs_tar_open(const struct tree *t, struct rootfs_tar **out, struct err *err);

/* Goes on with another tree, which is equal. The old one must stay while a thread reads by it. */
void rootfs_tar_use(struct rootfs_tar *tar, const struct tree *t);
void rootfs_tar_close(struct rootfs_tar *tar); /* NULL is allowed */
DEFINE_AUTO(struct rootfs_tar, rootfs_tar_close)

uint64_t rootfs_tar_size(const struct rootfs_tar *tar); /* bytes of the archive */

/* Tells what lies from an offset on: `length` bytes of headers or padding, which are appended to *bytes;
 * or (`content`) `length` bytes of the file `node` from its offset `from` on. length 0: the end. */
struct rootfs_tar_part {
	uint64_t length;
	bool content;
	uint32_t node;
	uint64_t from;
};
int rootfs_tar_at(const struct rootfs_tar *tar, uint64_t offset, struct rootfs_tar_part *out,
		  struct buf *bytes, struct err *err);

#endif

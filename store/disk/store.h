/* SPDX-License-Identifier: MIT */
/*
 * The store: an OCI image layout on disk (image-layout.md of the OCI image
 * specification), with derived/, partial/ and leases/
 * beside it.
 *
 *	oci-layout  index.json  blobs/<algorithm>/<hex>
 *	derived/layers/HEX   index of a layer: its entries and seek points   } rebuilt at need
 *	derived/trees/HEX    a merged tree                                   }
 *	partial/HEX          a blob being fetched, its bytes so far
 *	leases/              what is being worked with (store/disk/lease.h)
 *	auth.json  lock
 *
 * Thread safe; several processes may have one store open. The opener owns it and closes it.
 * Knows no network and no mount.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>

struct store;

/*
 * Opens a store, and creates it if it does not exist (0700; derived/imagefs-version names the
 * format). Removes temporary files that no living process holds.
 *
 * A whole layout that is not ours to change is opened for reading: it is another user's (also for
 * root, as its owner could not change what root writes), or the disk or its modes do not let us.
 * Files derived from it then lie in imagefs/ below $XDG_CACHE_HOME or ~/.cache (/var/cache without
 * a home), shared by all such layouts.
 *
 * -EOPNOTSUPP: another imageLayoutVersion; -EACCES, -EROFS: it may not be created or read; -ENOTDIR;
 * -ENOTEMPTY: a directory of something else; -EBADMSG: oci-layout or index.json cannot be
 * understood; and what the disk says. A directory that is refused is not changed.
 */
int store_open(const char *path, struct store **out, struct err *err);
void store_close(struct store *s); /* NULL is allowed */
DEFINE_AUTO(struct store, store_close)

/* Both are borrowed. Paths below derived/ are relative to store_cachefd, all others to store_dirfd. */
int store_dirfd(const struct store *s);
int store_cachefd(const struct store *s);

/* 0, or -EROFS with the reason why nothing may be changed. Asked before each change. */
int store_writable(const struct store *s, struct err *err);
const char *store_path(const struct store *s); /* absolute */

/* Lets tables of contents be used that a referrer of an image brings, although everybody who may push
 * can attach one. Called once, before the store is used; without it they are not used. */
void store_trust_referrers(struct store *s);
bool store_trusts_referrers(const struct store *s);

/*
 * Told of r, the result of a publish, which it returns. If that failed, perhaps after its rename, the
 * directories of blobs and names may not outlast a power cut as they are. Until they are synced,
 * nobody gets the store's lock. So no name is set to such a blob, and no blob is deleted whose name
 * only seems to be gone.
 */
int store_unsynced(struct store *s, int r);

/* The memory for zstd windows of layers that are being built, borrowed. One may take 128 MiB. */
struct budget;
struct budget *store_windows(struct store *s);

/*
 * The store's lock, exclusive between threads and processes, held for the moments in which
 * index.json changes (and, for prune, in which blobs are deleted). Never held across network or
 * decoding. Dies with its holder. Waits while another has it. After a store_unsynced() it fails as
 * long as the disk does. -EROFS: the store may only be read.
 */
struct store_lock;
int store_lock(struct store *s, struct store_lock **out, struct err *err);

/* The program ends: from now on no thread waits for the lock, which a stopped process may hold for
 * long. A wait ends with -EINTR. */
void store_stop(struct store *s);
void store_unlock(struct store_lock *l);
DEFINE_AUTO(struct store_lock, store_unlock)

#endif

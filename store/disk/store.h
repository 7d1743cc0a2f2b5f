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
 * Thread safe; several processes may have one store open. Owned by who opened it.
 * Knows no network and no mount.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>

struct store;

/*
 * Opens, and creates where it does not exist (0700; the file `imagefs-version` in derived/ names
 * the format). Sweeps temporary files that no living process holds. A layout that is whole but not
 * ours to change (of another user, though we were root: what root wrote there its owner could not
 * change; or on a disk or with modes that do not let us) is opened for reading: what is derived
 * from it then lies in a cache of our own ($XDG_CACHE_HOME or ~/.cache, /var/cache for root without
 * a home, below imagefs/), shared by all such layouts. Errors: -EOPNOTSUPP another
 * imageLayoutVersion, -EACCES or -EROFS may not be created or read, -ENOTDIR,
 * -ENOTEMPTY a directory of something else, -EBADMSG oci-layout or index.json cannot be understood,
 * and what the disk says. What is refused is not changed.
 */
int store_open(const char *path, struct store **out, struct err *err);
void store_close(struct store *s); /* NULL is allowed */
DEFINE_AUTO(struct store, store_close)

/* Both are borrowed. Paths below derived/ are relative to the second, all others to the first. */
int store_dirfd(const struct store *s);
int store_cachefd(const struct store *s);

/* 0, or -EROFS with the reason why nothing may be changed: asked before anything is. */
int store_writable(const struct store *s, struct err *err);
const char *store_path(const struct store *s); /* absolute */

/* Tables of contents that a referrer of an image brings are used, too: whoever may push can attach
 * one. Said once, before the store is used; false without. */
void store_trust_referrers(struct store *s);
bool store_trusts_referrers(const struct store *s);

/*
 * A publish failed, perhaps behind its rename: what is seen in the directories of blobs and names may
 * not outlast a power cut. Until they are synced, nobody gets the store's lock, and so no name is
 * set to such a blob, and no blob deleted whose name is only seemingly gone. Returns r, the failure.
 */
int store_unsynced(struct store *s, int r);

/* For the windows of zstd in layers that are being built, of which one may take 128 MiB;
 * borrowed. */
struct budget;
struct budget *store_windows(struct store *s);

/*
 * The store's lock, exclusive between threads and processes, held for the moments in which
 * index.json changes (and, for prune, in which blobs are deleted). Never held across network or
 * decoding. Dies with its holder. After a store_unsynced() it fails as long as the disk does.
 */
struct store_lock;
int store_lock(struct store *s, struct store_lock **out, struct err *err);

/* The program ends: a wait for the lock, which a process that was stopped may hold for long, gives
 * up with -EINTR, now and from now on. */
void store_stop(struct store *s);
void store_unlock(struct store_lock *l);
DEFINE_AUTO(struct store_lock, store_unlock)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * `docker load`: an archive of images becomes images of the store, as its bytes come. It is an OCI
 * image layout or was written by `docker save` of any age: plain, gzip or zstd, with one or several
 * images. Nothing of it is in the store before all of it is verified; then all is there with all
 * names, or nothing. No network; only threads that index layers outlive a call. One thread at a
 * time.
 */
#ifndef STORE_ARCHIVE_LOAD_H
#define STORE_ARCHIVE_LOAD_H

#include "store/base/cancel.h"
#include "store/base/digest.h"
#include "store/base/feed.h"
#include "store/base/mem.h"
#include "store/oci/platform.h"
#include "store/disk/store.h"

struct archive_load {
	struct store *store;
	const struct platform *only; /* only images of this platform; NULL: all */
	/* Told of each image when it is in the store: its full reference (NULL: it has none) and the
	 * image ID. */
	void (*loaded)(void *arg, const char *reference, const struct digest *id);
	/* Gets a sentence that names what was passed over, if anything was. May be NULL. */
	void (*skipped)(void *arg, const char *what);
	void *arg;
};

struct archive_loader;
int archive_loader_open(const struct archive_load *load, struct archive_loader **out,
			struct err *err);

/*
 * Takes the next bytes; len 0: no more will come. FEED_MORE, or FEED_DONE: the images are loaded, and
 * *used of these bytes were the archive's (not set with len 0). After FEED_DONE or an error only close.
 *
 * -EBADMSG: malformed, cut ("unexpected EOF …"), digests or diff_ids that do not match, or no archive
 * of images ("unrecognized image format"); -EOPNOTSUPP: an unknown compression, media type or
 * layout; -EINVAL: a malformed tag; -ENOENT: no image for the platform; -ENOSPC; -EINTR.
 */
int archive_loader_feed(struct archive_loader *l, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct err *err);
void archive_loader_close(struct archive_loader *l); /* drops what is not loaded; NULL is allowed */
DEFINE_AUTO(struct archive_loader, archive_loader_close)

#endif

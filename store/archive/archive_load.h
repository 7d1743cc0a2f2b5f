/* SPDX-License-Identifier: MIT */
/*
 * `docker load`: an archive of images becomes images of the store, as its bytes come. Takes OCI
 * image layouts and what `docker save` of any age wrote, plain, gzip or zstd, several images in
 * one. Nothing of it is in the store before all of it is verified; then it is there with all its
 * names, or not at all. No network, no thread that outlives a call but those that index layers. One
 * thread at a time.
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
	const struct platform *only; /* of several platforms this one; NULL: all */
	/* Told of each image when it is in the store: its full reference, or NULL where it has
	 * none, and the image ID. */
	void (*loaded)(void *arg, const char *reference, const struct digest *id);
	/* And of what was passed over: a sentence. Or NULL. */
	void (*skipped)(void *arg, const char *what);
	void *arg;
};

struct archive_loader;
int archive_loader_open(const struct archive_load *load, struct archive_loader **out,
			struct err *err);

/*
 * Takes the next bytes; without any (len 0), no more will come. FEED_MORE, or FEED_DONE: the images
 * are loaded; *used of these bytes were the archive's. After that, or an error, only close.
 *
 * -EBADMSG: malformed, cut ("unexpected EOF …"), digests or diff_ids that do not match, what is no
 * archive of images ("unrecognized image format"); -EOPNOTSUPP: a compression, media type or layout
 * that is not known; -EINVAL: a tag; -ENOENT: no image for the platform; -ENOSPC; -EINTR.
 */
int archive_loader_feed(struct archive_loader *l, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct err *err);
void archive_loader_close(struct archive_loader *l); /* drops what is not loaded; NULL is allowed */
DEFINE_AUTO(struct archive_loader, archive_loader_close)

#endif

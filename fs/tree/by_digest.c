/* SPDX-License-Identifier: MIT */
#include "fs/tree/by_digest.h"

#include "fs/core/fs.h"
#include "fs/tree/fetch.h"
#include "fs/tree/referrers.h"
#include "fs/tree/vn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The image at a path of the tree, as one of the repository. */
static int lookup_at(struct request *rq, const struct catalog *c, const char *place,
		     const char *path, const struct digest *digest, struct found *out,
		     struct err *err)
{
	AUTO(repo_image_put) struct repo_image *image = NULL;
	struct descriptor child = {0};
	autoref ref = REF_INIT;
	int r;

	if (ref_parse_repository(place, &ref, err) < 0)
		return -ENOENT;
	ref.has_digest = true;
	ref.digest = *digest;
	/* What a registry has named by a tag beside an image is recorded under that, so that it is
	 * known again whose it is. */
	ref.tag = referrers_tag(rq->fs->referrers, &ref);
	r = catalog_digest(c, place, digest) ? 0 : -ENOENT;
	if (r == -ENOENT)
		r = catalog_child(c, rq->fs->store, place, digest, &child, err);
	if (!r && vnode_find(rq, path, out)) {
		descriptor_clear(&child);
		return 0;
	}
	if (!r)
		r = repo_image_open(rq->fs, &ref, digest, &image, err);
	if (r == -ENOENT) { /* not named here, or named and not whole: the registry may have it */
		out->lasting = LASTS_NOT;
		r = child.media_type ? fetch_child(rq, &ref, &child, err)
				     : fetch_name(rq, &ref, err);
		if (!r)
			r = repo_image_open(rq->fs, &ref, digest, &image, err);
	}
	descriptor_clear(&child);
	return r ? r : vnode_found(rq, vn_image_new(path, image), out, err);
}

int by_digest_lookup(struct request *rq, const struct catalog *c, const char *place,
		     const struct digest *digest, struct found *out, struct err *err)
{
	char here[VN_PATH_MAX], path[VN_PATH_MAX], text[DIGEST_TEXT_MAX];

	if (!vn_join(here, "images", place) || !vn_join(path, here, digest_text(digest, text)))
		return -ENOENT;
	return lookup_at(rq, c, place, path, digest, out, err);
}

int by_digest_anywhere(struct request *rq, const struct catalog *c, const struct digest *digest,
		       struct found *out, struct err *err)
{
	char path[BY_DIGEST_PATH_MAX];
	const char *place = catalog_place(c, rq->fs->store, digest);

	return place ? lookup_at(rq, c, place, by_digest_path(digest, path), digest, out, err)
		     : -ENOENT;
}

const char *by_digest_path(const struct digest *digest, char path[static BY_DIGEST_PATH_MAX])
{
	digest_text(digest, path);
	*strchr(path, ':') = '/';
	return path;
}

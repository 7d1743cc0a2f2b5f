/* SPDX-License-Identifier: MIT */
/*
 * sha256/ and sha512/ at the top, unlisted and never listed: HEX is the directory of an image, the
 * same that sha256:HEX is in its repository. `sha256:HEX` leads there, too, for the links of
 * platforms/ and referrers/.
 */
#include "fs/tree/vn.h"

#include "fs/core/fs.h"
#include "fs/tree/by_digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int digests_lookup(struct request *rq, struct vnode *dir, const char *name,
			  struct found *out, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	char text[DIGEST_TEXT_MAX], path[VN_PATH_MAX];
	struct digest d;
	int r;

	if (!digest_parse(name, &d, NULL) && vn_join(path, dir->inode.path, name)) {
		out->lasting = LASTS;
		return vnode_found(rq, vn_link_new(path, strchr(name, ':') + 1, rq->fs->started),
				   out, err);
	}
	if (snprintf(text, sizeof(text), "%s:%s", dir->inode.path, name) >= (int)sizeof(text) ||
	    digest_parse(text, &d, NULL) < 0) {
		out->lasting = LASTS;
		return -ENOENT;
	}
	out->lasting = LASTS_WITH_NAMES;
	r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);
	if (!r)
		r = by_digest_anywhere(rq, c, &d, out, err);
	/* Any name may bring it: there would be many that the kernel had to be told of. */
	if (r == -ENOENT)
		out->lasting = LASTS_NOT;
	return r;
}

static int digests_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	(void)rq;
	(void)dir;
	(void)out;
	(void)err;
	return 0;
}

static const struct vnode_ops digests_ops = {
    .mode = S_IFDIR | 0755,
    .lookup = digests_lookup,
    .list = digests_list,
};

struct vnode *vn_digests_new(const char *algorithm)
{
	struct vnode *v = vnode_new(&digests_ops, sizeof(*v), algorithm);

	if (v)
		v->lasting = LASTS;
	return v;
}

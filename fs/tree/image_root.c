/* SPDX-License-Identifier: MIT */
#include "fs/tree/image_root.h"

#include "fs/tree/repo_image.h"
#include "fs/tree/view.h"
#include "fs/tree/vn.h"
#include "registry/transfer/pull.h"
#include "registry/transfer/pull_manifest.h"
#include "store/base/clock.h"
#include "store/disk/names.h"

#include <errno.h>
#include <string.h>

struct root_image {
	struct fs *fs;
	struct ref ref;
	struct transfer transfer;
	struct descriptor top;
	struct repo_image *image; /* a reference */
};

static void root_image_clear(struct root_image *r)
{
	ref_clear(&r->ref);
	descriptor_clear(&r->top);
	lease_close(r->transfer.lease);
	repo_image_put(r->image);
}

static int root_may_ask(const struct root_image *r, bool may, struct err *err)
{
	autofree char *name = ref_familiar(&r->ref);

	if (may && !r->fs->offline)
		return 0;
	return err_set(err, may ? ENETUNREACH : ENOENT,
		       may ? "%s: not in the store, and the mount is offline" : "No such image: %s",
		       name ? name : "");
}

/* What the store has under the reference; -ENOENT. */
static int root_find(struct root_image *r, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *full = ref_full(&r->ref);
	const struct name *n;
	int e = full ? names_get(r->fs->store, &names, err) : err_nomem(err);

	if (e < 0)
		return e;
	n = names_find(names, full);
	if (!n && !r->ref.has_digest)
		return -ENOENT;
	return repo_image_open(r->fs, &r->ref, n ? &n->descriptor.digest : &r->ref.digest,
			       &r->image, err);
}

static int fetch_root(struct root_image *r, struct err *err)
{
	int e = root_may_ask(r, r->fs->lookup_remote, err);

	if (!e)
		e = pull_manifest(&r->transfer, &r->ref, &r->top, err);
	return e ? e : repo_image_open(r->fs, &r->ref, &r->top.digest, &r->image, err);
}

/* Manifest and config of the mount's platform, where the index alone was here. */
static int fetch_documents(struct root_image *r, struct err *err)
{
	const struct index *index = repo_image_index(r->image);
	const struct descriptor *d;
	int e = index ? index_choose(index, &r->fs->platform, &d, err) : 0;

	if (!e)
		e = root_may_ask(r, true, err);
	if (!e)
		e = pull_manifest_by_descriptor(&r->transfer, &r->ref, repo_image_top(r->image),
						err);
	return e ? e : repo_image_load(r->fs, r->image, err);
}

/* The view is the tree's of that name, so that it counts as the image in use. Its one lookup stays. */
static int open_view(struct root_image *r, struct err *err)
{
	autofree char *repository = ref_familiar_repository(&r->ref);
	const struct image *image = repo_image_image(r->image);
	char here[VN_PATH_MAX], path[VN_PATH_MAX], text[DIGEST_TEXT_MAX + 8];
	struct request rq = {.fs = r->fs};
	struct found found = {0};
	int e;

	if (image->artifact)
		return err_set(err, EINVAL, "an artifact, which has no root filesystem");
	digest_text(&repo_image_top(r->image)->digest, text);
	strcat(text, "/rootfs");
	if (!repository || !vn_join(here, "images", repository) || !vn_join(path, here, text))
		return err_nomem(err);
	e = view_find(&rq, path, r->image, TREE_MERGED, 0, image->manifest->layer_count, &found,
		      err);
	if (!e)
		r->fs->image_root = view_ino(found.view, found.node);
	return e;
}

static int open_root(struct root_image *r, const char *reference, struct err *err)
{
	int e = ref_parse(reference, &r->ref, err);

	if (!e)
		e = lease_open(r->fs->store, &r->transfer.lease, err);
	if (!e)
		e = root_find(r, err);
	if (e == -ENOENT)
		e = fetch_root(r, err);
	if (!e)
		e = repo_image_load(r->fs, r->image, err);
	if (e == -ENOENT && r->image)
		e = fetch_documents(r, err);
	return e ? e : open_view(r, err);
}

int image_root_open(struct fs *fs, const char *reference, struct err *err)
{
	__attribute__((cleanup(root_image_clear))) struct root_image r = {.fs = fs};
	struct cancel limit;
	int e;

	cancel_init(&limit);
	limit.deadline_ms = clock_ms() + FS_LOOKUP_LIMIT;
	r.transfer = (struct transfer){.registry = fs->registry,
				       .store = fs->store,
				       .platform = &fs->platform,
				       .cancel = &limit};
	e = open_root(&r, reference, err);
	cancel_destroy(&limit);
	return e < 0 ? err_context(err, "image=%s", reference) : e;
}

/* SPDX-License-Identifier: MIT */
/*
 * images/REPO/sha256:X/referrers/: what refers to an image, each artifact a symlink to its place
 * among the repository's images. Its own entry costs nothing, so looking at the image's directory
 * reaches no registry. When it is read, the registry is asked, at most once a minute; where that does
 * not answer, what is known is shown.
 *
 * Attestations that lie in an index beside its images are among them, without being asked for: of
 * an index all, of an image those that name it.
 */
#include "fs/tree/vn.h"

#include "fs/tree/catalog.h"
#include "fs/tree/fetch.h"
#include "fs/core/fs.h"
#include "fs/tree/referrers.h"
#include "store/disk/blob.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct vn_referrers {
	struct vnode v;
	struct repo_image *image; /* a reference */
};

static void referrers_free(struct vnode *v)
{
	repo_image_put(((struct vn_referrers *)v)->image);
}

/* ---- attestations ---- */

/* Those of an index; image NULL: whatever they are of. */
static int add_attestations(const struct index *index, const struct digest *image,
			    struct digests *out, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	int r = 0;

	for (size_t k = 0; !r && k < index->count; k++) {
		const struct descriptor *d = &index->manifests[k];
		const char *of = json_string(d->annotations, "vnd.docker.reference.digest");

		if (!index_entry_is_attestation(d) ||
		    (image && (!of || strcmp(of, digest_text(image, text)) != 0)))
			continue;
		r = digests_add(out, &d->digest, err);
	}
	return r;
}

/* Those of an image, from the indexes that the store has of its repository. */
static int add_from_indexes(struct request *rq, const struct ref *image, struct digests *out,
			    struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	autofree char *place = ref_familiar_repository(image);
	const struct catalog_entry *e;
	size_t count;
	int r = place ? catalog_get(rq->fs->catalogs, rq->fs->store, &c, err) : err_nomem(err);

	if (r < 0)
		return r;
	e = catalog_repository(c, place, &count);
	for (size_t i = 0; !r && i < count; i++) {
		const struct descriptor *top = &e[i].name->descriptor;
		AUTO(index_free) struct index *index = NULL;
		autobuf body = BUF_INIT;

		if (oci_type_is_index(top->media_type) &&
		    blob_read(rq->fs->store, &top->digest, OCI_MANIFEST_MAX, &body, NULL) == 0 &&
		    index_parse(body.data, body.len, top->media_type, &index, NULL) == 0)
			r = add_attestations(index, &image->digest, out, err);
	}
	return r;
}

/* ---- all of them ---- */

static int vn_referrers_collect(struct request *rq, struct repo_image *i, struct digests *out,
				struct err *err)
{
	const struct ref *image = repo_image_ref(i);
	const struct index *index = repo_image_index(i);
	int r =
	    index ? add_attestations(index, NULL, out, err) : add_from_indexes(rq, image, out, err);

	return r < 0 ? r : referrers_known(rq->fs->referrers, image, out, err);
}

/* What is known, after the registry was asked where that is due. A registry that does not answer
 * takes nothing away. */
static int ask_and_collect(struct request *rq, struct repo_image *i, struct digests *out,
			   struct err *err)
{
	int asked = fetch_referrers(rq, i, err);
	int r = asked == FS_WAIT ? 0 : vn_referrers_collect(rq, i, out, asked < 0 ? NULL : err);

	if (asked == FS_WAIT || r < 0)
		return asked ? asked : r;
	if (asked < 0 && out->count == 0)
		return asked;
	if (asked < 0)
		referrers_keep(rq->fs->referrers, repo_image_ref(i), NULL);
	return 0;
}

static bool vn_referrers_contains(const struct digests *d, const struct digest *digest)
{
	for (size_t i = 0; i < d->count; i++)
		if (digest_equal(&d->at[i], digest))
			return true;
	return false;
}

static int referrers_lookup(struct request *rq, struct vnode *dir, const char *name,
			    struct found *out, struct err *err)
{
	struct repo_image *i = ((struct vn_referrers *)dir)->image;
	char path[VN_PATH_MAX], target[DIGEST_TEXT_MAX + 8];
	autodigests known = {0}, asked = {0};
	struct digest digest;
	int r;

	if (digest_parse(name, &digest, NULL) < 0)
		return -ENOENT;
	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	r = vn_referrers_collect(rq, i, &known, err);
	if (!r && !vn_referrers_contains(&known, &digest)) {
		r = ask_and_collect(rq, i, &asked, err);
		if (!r && !vn_referrers_contains(&asked, &digest))
			return -ENOENT;
	}
	if (r)
		return r;
	snprintf(target, sizeof(target), "../../%s", name);
	return vnode_found(rq, vn_link_new(path, target, repo_image_created(i)), out, err);
}

static int referrers_list(struct request *rq, struct vnode *dir, struct listing *out,
			  struct err *err)
{
	autodigests all = {0};
	char text[DIGEST_TEXT_MAX];
	int r = ask_and_collect(rq, ((struct vn_referrers *)dir)->image, &all, err);

	for (size_t i = 0; !r && i < all.count; i++)
		listing_add(out, digest_text(&all.at[i], text), DT_LNK);
	return r;
}

/* The kernel keeps a listing until the mtime moves: so it does while the next one is to be asked
 * for. */
static int referrers_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct repo_image *i = ((struct vn_referrers *)v)->image;
	const struct ref *image = repo_image_ref(i);

	(void)err;
	if (fetch_referrers_due(rq, i))
		clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	else if (!referrers_changed(rq->fs->referrers, image, &st->st_mtim))
		st->st_mtim = repo_image_created(i);
	return 0;
}

static const struct vnode_ops referrers_ops = {
    .mode = S_IFDIR | 0755,
    .stat = referrers_stat,
    .lookup = referrers_lookup,
    .list = referrers_list,
    .free = referrers_free,
};

struct vnode *vn_referrers_new(const char *path, struct repo_image *i)
{
	struct vn_referrers *v = vnode_new(&referrers_ops, sizeof(*v), path);

	if (!v)
		return NULL;
	v->image = repo_image_get(i);
	return &v->v;
}

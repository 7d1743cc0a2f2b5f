/* SPDX-License-Identifier: MIT */
/*
 * images/ and the directories below it, down to a repository. How a name in a place is
 * resolved, first match first:
 *
 *	.…                        only .tags, of what may be a repository
 *	docker.io library         themselves, as both are implied: symlinks to "."
 *	sha256:HEX                an image of this repository by digest
 *	name:tag name@digest      a reference that was pasted: a symlink to the plain path
 *	what leads to a repository that the store knows: a place
 *	a tag that the store knows: a symlink to its digest
 *	the first component, and the first behind a host: a place, whatever the name, for who
 *	goes on from there (question.h)
 *	else the registry is asked for the tag, unless the caller does not mean one; where it has
 *	none, and the place is not known as a repository, the name is a place that can be walked
 *	through, unless it is the name of a part of an image: then the image is missing
 */
#include "fs/tree/vn.h"

#include "fs/tree/catalog.h"
#include "fs/tree/fetch.h"
#include "fs/core/fs.h"
#include "fs/tree/place_edit.h"
#include "fs/tree/question.h"
#include "fs/tree/referrers.h"
#include "store/disk/blob.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vn_place {
	struct vnode v;
	char *place; /* owned */
};

/* True where a first component is taken for a host: as docker decides, but that one without a dot
 * needs a port of 4 or 5 digits ("myhost:5000"), since "redis:7" is a reference. */
static bool is_host(const char *name)
{
	const char *colon = strchr(name, ':');
	size_t digits = colon ? strlen(colon + 1) : 0;

	if (!ref_is_domain(name))
		return false;
	if (name[0] == '[' || !strcmp(name, "localhost") || !strncmp(name, "localhost:", 10) ||
	    memchr(name, '.', colon ? (size_t)(colon - name) : strlen(name)))
		return true;
	return digits >= 4 && digits <= 5 && strspn(colon + 1, "0123456789") == digits;
}

static bool place_is_host(const char *place)
{
	return !strchr(place, '/') && is_host(place);
}

static int found_link(struct request *rq, const char *place, const char *name, const char *target,
		      struct timespec mtime, struct found *out, struct err *err)
{
	char here[VN_PATH_MAX], path[VN_PATH_MAX];

	if (!vn_join(here, "images", place) || !vn_join(path, here, name))
		return -ENAMETOOLONG;
	return vnode_found(rq, vn_link_new(path, target, mtime), out, err);
}

/* name:tag, name@digest, name:tag@digest: NAME/TAG or NAME/DIGEST */
static int lookup_pasted(struct request *rq, const char *place, const char *name, struct found *out,
			 struct err *err)
{
	char text[VN_PATH_MAX], target[VN_PATH_MAX], digest[DIGEST_TEXT_MAX];
	autofree char *last = strndup(name, strcspn(name, ":@"));
	autoref ref = REF_INIT;

	if (!last)
		return err_nomem(err);
	if (!*last || !vn_join(text, place, name) || ref_parse(text, &ref, err) < 0 ||
	    !vn_join(target, last, ref.has_digest ? digest_text(&ref.digest, digest) : ref.tag))
		return -ENOENT;
	return found_link(rq, place, name, target, rq->fs->started, out, err);
}

/* A document that one of the repository's indexes names: its descriptor, which the caller clears;
 * -ENOENT. */
static int find_child(struct request *rq, const struct catalog *c, const char *place,
		      const struct digest *digest, struct descriptor *out, struct err *err)
{
	size_t count;
	const struct catalog_entry *e = catalog_repository(c, place, &count);

	for (size_t i = 0; i < count; i++) {
		const struct descriptor *top = &e[i].name->descriptor;
		AUTO(index_free) struct index *index = NULL;
		autobuf body = BUF_INIT;

		if (!oci_type_is_index(top->media_type) ||
		    blob_read(rq->fs->store, &top->digest, OCI_MANIFEST_MAX, &body, NULL) < 0 ||
		    index_parse(body.data, body.len, top->media_type, &index, NULL) < 0)
			continue;
		for (size_t k = 0; k < index->count; k++)
			if (digest_equal(&index->manifests[k].digest, digest))
				return descriptor_copy(out, &index->manifests[k], err);
	}
	return -ENOENT;
}

static int lookup_digest(struct request *rq, const struct catalog *c, const char *place,
			 const char *name, const struct digest *digest, struct found *out,
			 struct err *err)
{
	AUTO(repo_image_put) struct repo_image *image = NULL;
	struct descriptor child = {0};
	char here[VN_PATH_MAX], path[VN_PATH_MAX];
	autoref ref = REF_INIT;
	int r;

	if (!vn_join(here, "images", place) || !vn_join(path, here, name) ||
	    ref_parse_repository(place, &ref, err) < 0)
		return -ENOENT;
	ref.has_digest = true;
	ref.digest = *digest;
	/* What a registry has named by a tag beside an image is recorded under that, so that it is
	 * known again whose it is. */
	ref.tag = referrers_tag(rq->fs->referrers, &ref);
	r = catalog_digest(c, place, digest) ? 0 : -ENOENT;
	if (r == -ENOENT)
		r = find_child(rq, c, place, digest, &child, err);
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

static int found_tag(struct request *rq, const struct catalog *c, const char *place,
		     const char *name, struct found *out, struct err *err)
{
	const struct catalog_entry *e = catalog_tag(c, place, name);
	char text[DIGEST_TEXT_MAX];

	if (!e)
		return -ENOENT;
	return found_link(rq, place, name, digest_text(&e->name->descriptor.digest, text),
			  e->name->pulled, out, err);
}

/* A part of an image that is not there: why it is not, which is what the registry has said of the
 * place's last component as a tag. */
static int lookup_part(struct request *rq, const char *place, struct err *err)
{
	const char *tag = strrchr(place, '/');
	autofree char *text = NULL;
	autoref ref = REF_INIT;
	int r = -ENOENT;

	if (!tag || !ref_is_tag(tag + 1))
		return -ENOENT;
	if (asprintf(&text, "%.*s:%s", (int)(tag - place), place, tag + 1) < 0) {
		text = NULL;
		return err_nomem(err);
	}
	if (!ref_parse(text, &ref, err))
		r = fetch_name(rq, &ref, err);
	return r ? r : -ENOENT;
}

/* A tag that the store does not know. */
static int lookup_remote(struct request *rq, const struct catalog *c, const char *place,
			 const char *name, struct found *out, struct err *err)
{
	AUTO(catalog_put) struct catalog *now = NULL;
	struct lookup_question q;
	char here[VN_PATH_MAX];
	autoref ref = REF_INIT;
	size_t known;
	int r = -ENOENT;

	/* Another answer for another user or another path, or soon. */
	out->lasting = rq->fs->lookup_remote ? LASTS_NOT : LASTS_WITH_NAMES;
	catalog_repository(c, place, &known);
	if (!known && vn_image_has_name(name))
		return lookup_part(rq, place, err);
	question_read(rq, place, name, &q);
	if (q.asks && ref_is_tag(name)) {
		r = ref_parse_repository(place, &ref, err);
		if (r < 0)
			return -ENOENT;
		ref.tag = strdup(name);
		r = ref.tag ? fetch_name(rq, &ref, err) : err_nomem(err);
		if (!r)
			r = catalog_get(rq->fs->catalogs, rq->fs->store, &now, err);
		if (!r) {
			r = found_tag(rq, now, place, name, out, err);
			out->lasting = r ? LASTS_NOT : LASTS_WITH_NAMES;
			return r;
		}
	}
	if ((r == -ENOENT || r == -EACCES) && !known && rq->may_fetch && q.walks && !q.image &&
	    ref_is_path_component(name) && vn_join(here, place, name))
		return vnode_found(rq, vn_place_new(here), out, err);
	return r;
}

/* The first component, and the first behind a host, of which nothing is known: no tag, whoever asks. */
static int lookup_front(struct request *rq, const char *place, const char *name, const char *child,
			struct found *out, struct err *err)
{
	struct lookup_question q;

	out->lasting = LASTS_NOT; /* it depends on the path */
	if (!ref_is_path_component(name) && (*place || !is_host(name)))
		return -ENOENT;
	question_read(rq, place, name, &q);
	return q.walks ? vnode_found(rq, vn_place_new(child), out, err) : -ENOENT;
}

static int lookup_tags(struct request *rq, const char *place, struct found *out, struct err *err)
{
	autoref ref = REF_INIT;
	autobuf text = BUF_INIT;
	char path[VN_PATH_MAX];
	struct timespec now;
	int r;

	if (!vn_join(path, place, ".tags") || !*place || place_is_host(place) ||
	    ref_parse_repository(place, &ref, err) < 0)
		return -ENOENT;
	r = fetch_tags(rq, &ref, err);
	if (r)
		return r;
	buf_append(&text, job_result(rq->ended)->data, job_result(rq->ended)->len);
	clock_gettime(CLOCK_REALTIME, &now);
	return vnode_found(rq, vn_text_new(path, &text, now, false), out, err);
}

static int place_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			struct err *err)
{
	const char *place = ((struct vn_place *)dir)->place;
	AUTO(catalog_put) struct catalog *c = NULL;
	struct digest digest;
	char child[VN_PATH_MAX];
	bool top = !*place;
	int r;

	if (!strcmp(name, ".tags"))
		return lookup_tags(rq, place, out, err);
	out->lasting = LASTS; /* whatever the store's names are */
	if (name[0] == '.')
		return -ENOENT;
	if (top && (!strcmp(name, "docker.io") || !strcmp(name, "index.docker.io") ||
		    !strcmp(name, "library")))
		return found_link(rq, place, name, ".", rq->fs->started, out, err);
	r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);
	if (r < 0)
		return r;
	out->lasting = LASTS_WITH_NAMES;
	if (!top && !digest_parse(name, &digest, NULL))
		return lookup_digest(rq, c, place, name, &digest, out, err);
	if (!vn_join(child, place, name))
		return -ENAMETOOLONG;
	if (catalog_leads(c, child))
		return vnode_found(rq, vn_place_new(child), out, err);
	if (top && is_host(name))
		return lookup_front(rq, place, name, child, out, err);
	if (strpbrk(name, ":@"))
		return lookup_pasted(rq, place, name, out, err);
	r = found_tag(rq, c, place, name, out, err);
	if (r != -ENOENT)
		return r;
	if (top || place_is_host(place))
		return lookup_front(rq, place, name, child, out, err);
	return lookup_remote(rq, c, place, name, out, err);
}

static int place_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	int r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);

	if (!r)
		catalog_list(c, ((struct vn_place *)dir)->place, out);
	return r;
}

/* The kernel drops a cached listing when the mtime moves: it is that of the names. */
static int place_stat(struct request *rq, struct vnode *dir, struct stat *st, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	int r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);

	(void)dir;
	if (!r)
		st->st_mtim = catalog_changed(c);
	return r;
}

static void place_free(struct vnode *v)
{
	free(((struct vn_place *)v)->place);
}

static int remove_here(struct request *rq, struct vnode *dir, const char *name, bool directory,
		       struct err *err)
{
	return place_remove(rq, ((struct vn_place *)dir)->place, name, directory, err);
}

static int symlink_here(struct request *rq, struct vnode *dir, const char *name, const char *target,
			struct err *err)
{
	return place_tag(rq, ((struct vn_place *)dir)->place, name, target, err);
}

static int rename_here(struct request *rq, struct vnode *dir, const char *name, struct vnode *to,
		       const char *new_name, struct err *err)
{
	return place_rename(rq, ((struct vn_place *)dir)->place, name,
			    ((struct vn_place *)to)->place, new_name, err);
}

static const struct vnode_ops place_ops = {
    .mode = S_IFDIR | 0755,
    .stat = place_stat,
    .lookup = place_lookup,
    .list = place_list,
    .remove = remove_here,
    .symlink = symlink_here,
    .rename = rename_here,
    .free = place_free,
};

struct vnode *vn_place_new(const char *place)
{
	char path[VN_PATH_MAX];
	struct vn_place *p;

	if (!vn_join(path, "images", place))
		return NULL;
	if (!*place)
		path[strlen("images")] = '\0'; /* without a trailing slash */
	p = vnode_new(&place_ops, sizeof(*p), path);
	if (!p)
		return NULL;
	p->v.lasting = LASTS_WITH_NAMES;
	p->place = strdup(place);
	if (!p->place) {
		vnode_free(&p->v);
		return NULL;
	}
	return &p->v;
}

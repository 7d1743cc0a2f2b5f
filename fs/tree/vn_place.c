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
 *	the first component, and the first behind a host: a place, whatever the name, where the
 *	caller goes on from there (question.h)
 *	else the registry is asked for the tag, unless the caller does not mean one. Where it has
 *	none, and the place is not known as a repository, the name is a place that can be walked
 *	through; but the name of a part of an image fails, as then the image is missing
 */
#include "fs/tree/vn.h"

#include "fs/tree/by_digest.h"
#include "fs/tree/catalog.h"
#include "fs/tree/fetch.h"
#include "fs/core/fs.h"
#include "fs/tree/place_edit.h"
#include "fs/tree/question.h"
#include "fs/tree/referrers.h"
#include "fs/tree/strays.h"
#include "store/disk/blob.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct vnode_ops place_ops;

struct vn_place {
	struct vnode v;
	char *place; /* owned */
	bool plain;  /* its path has no colon, nor has what is found in it */
	struct fs
	    *stray_of; /* it led nowhere when it came, and counts here (strays.h); else NULL */
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

/* A place of which nothing is known. The same may be there from an earlier lookup. */
static int found_stray(struct request *rq, struct vnode *v, struct found *out, struct err *err)
{
	struct vn_place *p = (struct vn_place *)v;

	if (p) {
		p->stray_of = rq->fs;
		strays_came(rq->fs);
	}
	return vnode_found(rq, v, out, err);
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
		return found_stray(rq, vn_place_new(here), out, err);
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
	if (!q.walks)
		return -ENOENT;
	if (!rq->fs->lookup_remote) /* nothing below it is asked for: it may last a moment */
		out->lasting = LASTS_WITH_NAMES;
	return found_stray(rq, vn_place_new(child), out, err);
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

static int lookup_name(struct request *rq, const char *place, const char *name, struct found *out,
		       struct err *err)
{
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
		return by_digest_lookup(rq, c, place, &digest, out, err);
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

/* ---- names without a colon ---- */

/* The link from a directory of images/ to an image, by a name that has none. */
static struct vnode *plain_link(const char *dir, const char *name, const struct digest *digest,
				struct timespec mtime)
{
	char path[VN_PATH_MAX], target[BY_DIGEST_PATH_MAX];
	autobuf way = BUF_INIT;

	buf_puts(&way, "../");
	for (const char *c = dir; *c; c++)
		if (*c == '/')
			buf_puts(&way, "../");
	buf_puts(&way, by_digest_path(digest, target));
	buf_putc(&way, '\0');
	return buf_failed(&way) || !vn_join(path, dir, name) ? NULL
							     : vn_link_new(path, way.data, mtime);
}

/* What was found of a pasted reference leads to NAME/TAG or NAME/DIGEST: NAME/+TAG, NAME/sha256+HEX. */
static struct vnode *plain_pasted(const char *dir, const char *name, const char *target,
				  struct timespec mtime)
{
	char path[VN_PATH_MAX];
	autobuf way = BUF_INIT;
	const char *tag = strchr(target, '/') + 1;

	buf_append(&way, target, (size_t)(tag - target));
	if (!strchr(tag, ':'))
		buf_putc(&way, '+');
	for (; *tag; tag++)
		buf_putc(&way, *tag == ':' ? '+' : *tag);
	buf_putc(&way, '\0');
	return buf_failed(&way) || !vn_join(path, dir, name) ? NULL
							     : vn_link_new(path, way.data, mtime);
}

/* What stands for a vnode in a directory whose names have no colon; NULL with *r 0: itself. */
static struct vnode *plain_of(struct request *rq, const char *dir, const char *name,
			      const char *text, struct vnode *v, int *r, struct err *err)
{
	char path[VN_PATH_MAX];
	autobuf target = BUF_INIT;
	struct digest digest;
	struct vnode *plain = NULL;
	struct stat st;

	*r = vnode_stat(rq, v, &st, err);
	if (!*r && v->ops->readlink)
		*r = v->ops->readlink(rq, v, &target, err);
	buf_putc(&target, '\0');
	if (*r || (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode)))
		return NULL;
	if (v->ops == &place_ops && vn_join(path, dir, name))
		plain = vn_place_new_plain(((struct vn_place *)v)->place, path);
	else if (!digest_parse(S_ISLNK(st.st_mode) ? target.data : text, &digest, NULL))
		plain = plain_link(dir, name, &digest, st.st_mtim);
	else if (S_ISLNK(st.st_mode) && strchr(target.data, '/'))
		plain = plain_pasted(dir, name, target.data, st.st_mtim);
	*r = plain ? 0 : err_nomem(err);
	return plain;
}

/*
 * Many programs take a colon for the end of a path (PATH, -v, lowerdir=, docker-archive:). So each
 * name has a second form with + for each colon, which is in no host, name, tag or digest:
 * localhost+5000, sha256+HEX, redis+7; and +TAG, since the link of a tag has a colon, too. What is
 * found by one is looked up as ever, but leads to where no path has a colon: to a place of that
 * kind, or to the image in sha256/ at the top.
 */
static int lookup_plain(struct request *rq, struct vn_place *dir, const char *name,
			struct found *out, struct err *err)
{
	const char *path = dir->v.inode.path;
	char text[NAME_MAX + 1];
	struct vnode *v, *plain;
	int r;

	snprintf(text, sizeof(text), "%s", name + (name[0] == '+'));
	for (char *c = text; (c = strchr(c, '+'));)
		*c = ':';
	r = lookup_name(rq, dir->place, text, out, err);
	if (r)
		return r;
	v = out->vnode;
	plain = plain_of(rq, path, name, text, v, &r, err);
	if (plain && plain->ops == &place_ops && ((struct vn_place *)v)->stray_of)
		r = found_stray(rq, plain, out, err);
	else if (plain)
		r = vnode_found(rq, plain, out, err);
	if (plain || r)
		inodes_forget(rq->fs->inodes, vnode_ino(v), 1);
	return r;
}

static int place_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			struct err *err)
{
	struct vn_place *p = (struct vn_place *)dir;

	if (!p->plain && !strchr(name, '+'))
		return lookup_name(rq, p->place, name, out, err);
	return lookup_plain(rq, p, name, out, err);
}

static void list_plain(struct listing *l)
{
	for (size_t at = 0; at < l->names.len && !buf_failed(&l->names);) {
		char *name = l->names.data + at + 1;
		size_t len = strlen(name);

		for (char *c = name; (c = strchr(c, ':')); *c = '+')
			l->names.data[at] = DT_LNK; /* a digest */
		at += len + 2;
	}
}

static int place_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	int r = catalog_get(rq->fs->catalogs, rq->fs->store, &c, err);

	if (!r)
		catalog_list(c, ((struct vn_place *)dir)->place, out);
	if (!r && ((struct vn_place *)dir)->plain)
		list_plain(out);
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
	struct vn_place *p = (struct vn_place *)v;

	if (p->stray_of)
		strays_went(p->stray_of);
	free(p->place);
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

static struct vnode *place_new(const char *place, const char *path, bool plain)
{
	struct vn_place *p = vnode_new(&place_ops, sizeof(*p), path);

	if (!p)
		return NULL;
	p->v.lasting = LASTS_WITH_NAMES;
	p->plain = plain;
	p->place = strdup(place);
	if (!p->place) {
		vnode_free(&p->v);
		return NULL;
	}
	return &p->v;
}

struct vnode *vn_place_new(const char *place)
{
	char path[VN_PATH_MAX];

	if (!vn_join(path, "images", place))
		return NULL;
	if (!*place)
		path[strlen("images")] = '\0'; /* without a trailing slash */
	return place_new(place, path, false);
}

struct vnode *vn_place_new_plain(const char *place, const char *path)
{
	return place_new(place, path, true);
}

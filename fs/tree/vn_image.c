/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include "fs/tree/fetch.h"
#include "fs/tree/image_status.h"
#include "fs/core/fs.h"
#include "fs/docker/history_table.h"
#include "fs/docker/inspect.h"
#include "fs/docker/recipe.h"
#include "fs/tree/referrers.h"
#include "fs/tree/view.h"
#include "store/base/map.h"
#include "store/disk/names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A directory that shows a part of an image: the image itself, or its platforms. */
struct vn_image {
	struct vnode v;
	struct repo_image *image; /* a reference */
};

static int image_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	(void)rq;
	(void)err;
	st->st_mtim = repo_image_created(((struct vn_image *)v)->image);
	return 0;
}

/* The directory of an image gets one more name when an artifact is known that refers to it: the
 * kernel drops the listing that it has when the mtime moves. */
static int image_dir_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct repo_image *i = ((struct vn_image *)v)->image;

	(void)err;
	if (!referrers_changed(rq->fs->referrers, repo_image_ref(i), &st->st_mtim))
		st->st_mtim = repo_image_created(i);
	return 0;
}

static void image_free(struct vnode *v)
{
	repo_image_put(((struct vn_image *)v)->image);
}

static struct vnode *image_vnode(const struct vnode_ops *ops, const char *path,
				 struct repo_image *i)
{
	struct vn_image *v = vnode_new(ops, sizeof(*v), path);

	if (!v)
		return NULL;
	v->image = repo_image_get(i);
	return &v->v;
}

/* ---- what the directory of an image holds ---- */

static int found_text(struct request *rq, const char *path, struct repo_image *i, struct buf *text,
		      struct found *out, struct err *err)
{
	return vnode_found(rq, vn_text_new(path, text, repo_image_created(i), false), out, err);
}

static int find_history(struct request *rq, const char *path, struct repo_image *i,
			struct found *out, struct err *err)
{
	autobuf text = BUF_INIT;
	int r = history_table(rq->fs->store, repo_image_image(i), &(struct history_options){0},
			      time(NULL), &text, err);

	return r ? r : found_text(rq, path, i, &text, out, err);
}

static int find_inspect(struct request *rq, const char *path, struct repo_image *i,
			struct found *out, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autobuf text = BUF_INIT;
	int r = names_get(rq->fs->store, &names, err);

	if (!r)
		r = inspect_json(rq->fs->store, repo_image_image(i), names, &text, err);
	return r ? r : found_text(rq, path, i, &text, out, err);
}

static int find_dockerfile(struct request *rq, const char *path, struct repo_image *i,
			   struct found *out, struct err *err)
{
	const struct image *image = repo_image_image(i);
	autobuf text = BUF_INIT;
	int r =
	    recipe_print(image->config, json_map(image->manifest->doc, "annotations"), &text, err);

	return r ? r
		 : vnode_found(rq, vn_text_new(path, &text, repo_image_created(i), true), out, err);
}

static int find_status(struct request *rq, const char *path, struct repo_image *i,
		       struct found *out, struct err *err)
{
	autobuf text = BUF_INIT;
	int r = image_status(rq->fs, repo_image_image(i), &text, err);

	return r ? r : found_text(rq, path, i, &text, out, err);
}

static int found_document(struct request *rq, const char *path, struct repo_image *i,
			  const struct descriptor *d, struct found *out, struct err *err)
{
	if (vnode_find(rq, path, out))
		return 0;
	return vnode_found(rq, vn_blob_new(path, i, &d->digest, d->size, VN_NO_LAYER), out, err);
}

static int find_manifest(struct request *rq, const char *path, struct repo_image *i,
			 struct found *out, struct err *err)
{
	return found_document(rq, path, i, &repo_image_image(i)->descriptor, out, err);
}

static int find_config(struct request *rq, const char *path, struct repo_image *i,
		       struct found *out, struct err *err)
{
	return found_document(rq, path, i, &repo_image_image(i)->manifest->config, out, err);
}

static int find_index(struct request *rq, const char *path, struct repo_image *i, struct found *out,
		      struct err *err)
{
	return found_document(rq, path, i, repo_image_top(i), out, err);
}

static int find_rootfs(struct request *rq, const char *path, struct repo_image *i,
		       struct found *out, struct err *err)
{
	return view_find(rq, path, i, TREE_MERGED, 0, repo_image_image(i)->manifest->layer_count,
			 out, err);
}

/* A name that needs documents is listed once the store has them, as a listing never fetches; its
 * lookup fetches them. referrers/ is listed once something is known that refers to the image. */
enum image_name_needs { NEEDS_DOCUMENTS, NEEDS_INDEX, NEEDS_NOTHING };

static const struct image_name {
	const char *name;
	unsigned char type;
	enum image_name_needs needs;
	bool image, artifact; /* whose directories have it */
	/* One of both. `find` gives what the name leads to. `make` makes a vnode, which goes again
	 * where the path has one (vnode_found). */
	int (*find)(struct request *rq, const char *path, struct repo_image *i, struct found *out,
		    struct err *err);
	struct vnode *(*make)(const char *path, struct repo_image *i);
	bool passing; /* each lookup finds another file */
} image_names[] = {
    {"manifest.json", DT_REG, NEEDS_DOCUMENTS, true, true, .find = find_manifest},
    {"config.json", DT_REG, NEEDS_DOCUMENTS, true, true, .find = find_config},
    {"history", DT_REG, NEEDS_DOCUMENTS, true, false, .find = find_history, .passing = true},
    {"inspect.json", DT_REG, NEEDS_DOCUMENTS, true, false, .find = find_inspect, .passing = true},
    {"Dockerfile", DT_REG, NEEDS_DOCUMENTS, true, false, .find = find_dockerfile},
    {"status", DT_REG, NEEDS_DOCUMENTS, true, false, .find = find_status, .passing = true},
    {"rootfs", DT_DIR, NEEDS_DOCUMENTS, true, false, .find = find_rootfs},
    {"layers", DT_DIR, NEEDS_DOCUMENTS, true, false, .make = vn_layers_new},
    {"blobs", DT_DIR, NEEDS_DOCUMENTS, false, true, .make = vn_blobs_new},
    {"export", DT_DIR, NEEDS_DOCUMENTS, true, false, .make = vn_export_new},
    {"referrers", DT_DIR, NEEDS_NOTHING, true, true, .make = vn_referrers_new},
    {"index.json", DT_REG, NEEDS_INDEX, true, true, .find = find_index},
    {"platforms", DT_DIR, NEEDS_INDEX, true, true, .make = vn_platforms_new},
};
#define IMAGE_NAMES (sizeof(image_names) / sizeof(image_names[0]))

static const struct image_name *image_find_name(const char *name)
{
	for (size_t k = 0; k < IMAGE_NAMES; k++)
		if (!strcmp(name, image_names[k].name))
			return &image_names[k];
	return NULL;
}

bool vn_image_has_name(const char *name)
{
	return image_find_name(name) != NULL;
}

/* Whether this image has the name; for NEEDS_DOCUMENTS they must be there. */
static bool has_name(const struct repo_image *i, const struct image_name *n)
{
	if (n->needs == NEEDS_INDEX)
		return repo_image_index(i) != NULL;
	if (n->needs == NEEDS_NOTHING)
		return true;
	return repo_image_image(i)->artifact ? n->artifact : n->image;
}

/* The documents, and with the first of them the directory's mtime and listing. */
static int image_fetch_documents(struct request *rq, struct vnode *dir, struct err *err)
{
	struct repo_image *i = ((struct vn_image *)dir)->image;
	bool had = repo_image_image(i) != NULL;
	int r = fetch_image(rq, i, err);

	if (!r && !had && rq->fs->kernel)
		rq->fs->kernel->forget_attributes(rq->fs->kernel, vnode_ino(dir));
	return r;
}

static int image_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			struct err *err)
{
	struct repo_image *i = ((struct vn_image *)dir)->image;
	const struct image_name *n = image_find_name(name);
	char path[VN_PATH_MAX];
	int r;

	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	if (!n) {
		out->lasting = LASTS;
		return -ENOENT;
	}
	r = n->needs == NEEDS_DOCUMENTS ? image_fetch_documents(rq, dir, err) : 0;
	if (r)
		return r;
	out->lasting = n->passing ? LASTS_NOT : LASTS;
	if (!has_name(i, n))
		return -ENOENT;
	return n->find ? n->find(rq, path, i, out, err)
		       : vnode_found(rq, n->make(path, i), out, err);
}

static bool is_listed(struct request *rq, struct repo_image *i, const struct image_name *n)
{
	struct timespec changed;

	if (n->needs == NEEDS_NOTHING)
		return referrers_changed(rq->fs->referrers, repo_image_ref(i), &changed);
	return (n->needs != NEEDS_DOCUMENTS || repo_image_image(i)) && has_name(i, n);
}

static int image_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	struct repo_image *i = ((struct vn_image *)dir)->image;

	/* Documents that are damaged are no empty directory. */
	if (!repo_image_image(i) && repo_image_load(rq->fs, i, err) == -EBADMSG)
		return -EBADMSG;
	for (size_t k = 0; k < IMAGE_NAMES; k++)
		if (is_listed(rq, i, &image_names[k]))
			listing_add(out, image_names[k].name, image_names[k].type);
	return 0;
}

static const struct vnode_ops image_ops = {
    .mode = S_IFDIR | 0755,
    .stat = image_dir_stat,
    .lookup = image_lookup,
    .list = image_list,
    .free = image_free,
};

struct vnode *vn_image_new(const char *path, struct repo_image *i)
{
	struct vnode *v = image_vnode(&image_ops, path, i);

	if (v)
		v->lasting = LASTS_SECOND;
	return v;
}

#define PLATFORM_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-"

static const struct json_object *entry_platform(const struct index *index, size_t k)
{
	const struct json_object *entry =
	    json_object_array_get_idx(json_array(index->doc, "manifests"), k);

	return index_entry_is_image(&index->manifests[k]) ? json_map(entry, "platform") : NULL;
}

/* "-" and the member's text; nothing where there is none. */
static void vn_image_add_part(struct buf *name, const struct json_object *platform,
			      const char *member)
{
	const char *part = json_string(platform, member);

	if (part && *part)
		buf_printf(name, "-%s", part);
}

/* The name of an index's entry, as the index writes its platform: "linux-arm64-v8"; with what
 * os.version says behind it, where asked for. False for one without, as attestations are. */
static bool plain_name(const struct index *index, size_t k, bool with_version,
		       char name[static NAME_MAX + 1])
{
	const struct json_object *p = entry_platform(index, k);
	const char *os = p ? json_string(p, "os") : NULL;
	const char *architecture = p ? json_string(p, "architecture") : NULL;
	autobuf text = BUF_INIT;

	if (!os || !architecture || !*os || !*architecture || !strcmp(os, "unknown"))
		return false;
	buf_puts(&text, os);
	vn_image_add_part(&text, p, "architecture");
	vn_image_add_part(&text, p, "variant");
	if (with_version)
		vn_image_add_part(&text, p, "os.version");
	buf_putc(&text, '\0');
	if (buf_failed(&text) || text.len > NAME_MAX ||
	    text.data[strspn(text.data, PLATFORM_LETTERS)] != '\0')
		return false;
	memcpy(name, text.data, text.len);
	return true;
}

/* Ends with the first true of `visit`. */
typedef bool (*platform_visit)(void *arg, size_t k, const char *name);

/* The names of an index's entries, each once. Entries of one platform (Windows has one for each
 * version) are told apart by os.version; the first of them has the plain name. */
static int each_platform(const struct index *index, platform_visit visit, void *arg,
			 struct err *err)
{
	static char there;
	char name[NAME_MAX + 1];
	struct map *seen = map_new();
	int r = seen ? 0 : err_nomem(err);

	for (size_t k = 0; !r && k < index->count; k++) {
		bool has_name = plain_name(index, k, false, name);

		if (has_name && map_get(seen, name, strlen(name)))
			has_name =
			    plain_name(index, k, true, name) && !map_get(seen, name, strlen(name));
		if (!has_name)
			continue;
		if (map_put(seen, name, strlen(name), &there) < 0)
			r = err_nomem(err);
		else if (visit(arg, k, name))
			break;
	}
	map_free(seen);
	return r;
}

struct wanted_platform {
	const char *name;
	const struct descriptor *found; /* or NULL */
	const struct index *index;
};

static bool vn_image_is_wanted(void *arg, size_t k, const char *name)
{
	struct wanted_platform *w = arg;

	if (!strcmp(name, w->name))
		w->found = &w->index->manifests[k];
	return w->found;
}

static int platforms_lookup(struct request *rq, struct vnode *dir, const char *name,
			    struct found *out, struct err *err)
{
	struct repo_image *i = ((struct vn_image *)dir)->image;
	struct wanted_platform w = {.name = name, .index = repo_image_index(i)};
	char path[VN_PATH_MAX], digest[DIGEST_TEXT_MAX], target[DIGEST_TEXT_MAX + 8];
	int r = each_platform(w.index, vn_image_is_wanted, &w, err);

	out->lasting = LASTS;
	if (r || !w.found)
		return r ? r : -ENOENT;
	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	snprintf(target, sizeof(target), "../../%s", digest_text(&w.found->digest, digest));
	return vnode_found(rq, vn_link_new(path, target, repo_image_created(i)), out, err);
}

static bool list_platform(void *listing, size_t k, const char *name)
{
	(void)k;
	listing_add(listing, name, DT_LNK);
	return false;
}

static int platforms_list(struct request *rq, struct vnode *dir, struct listing *out,
			  struct err *err)
{
	(void)rq;
	return each_platform(repo_image_index(((struct vn_image *)dir)->image), list_platform, out,
			     err);
}

static const struct vnode_ops platforms_ops = {
    .mode = S_IFDIR | 0755,
    .stat = image_stat,
    .lookup = platforms_lookup,
    .list = platforms_list,
    .free = image_free,
};

struct vnode *vn_platforms_new(const char *path, struct repo_image *i)
{
	struct vnode *v = image_vnode(&platforms_ops, path, i);

	if (v)
		v->lasting = LASTS;
	return v;
}

/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include "fs/core/fs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

struct vn_root {
	struct vnode v;
	struct vnode *(*make_ctl)(void);
};

static const char readme[] =
    "imagefs: container images as files\n"
    "\n"
    "  images/REPOSITORY/TAG/       an image: manifest.json config.json history inspect.json\n"
    "                               Dockerfile (of its history)\n"
    "                               rootfs/ (what a container sees) layers/ platforms/\n"
    "                               referrers/ (SBOMs, signatures) export/ (archives of it)\n"
    "  images/REPOSITORY/.tags      the tags that its registry has\n"
    "  ctl/                         control files; reading one shows how it is used\n"
    "\n"
    "Listings show what the store has; names reach further: an image that is opened by its\n"
    "name is fetched, its layers when something below rootfs/ or layers/ is touched.\n"
    "\n"
    "  cat images/redis/7/history\n"
    "  ls -la images/debian/12/rootfs/etc\n"
    "  grep -r password images/localhost:5000/team/app/v1/layers/*/diff\n"
    "  diff -r images/app/1/rootfs/etc images/app/2/rootfs/etc\n"
    "  cp images/redis/7/export/image.tar redis.tar       (what docker save writes)\n"
    "  ln -s redis:7 images/team/cache/v1; rm images/team/cache/v1       (tags, and untags)\n"
    "\n"
    "  echo redis:7 > ctl/pull                  fetches all of it; the error, if any, is in:\n"
    "  cat ctl/pull                             what became of recent requests\n"
    "  exec 3<>ctl/pull; echo redis:7 >&3; cat <&3\n"
    "                                           the answer to one's own request\n"
    "  cat ctl/images 'ctl/images?--digests'    the table, with docker's options after ?\n"
    "  cat app.tar > ctl/load                   the images of an archive\n"
    "  cat ctl/help                             all control files\n"
    "  cat ctl/jobs ctl/stats; tail -f ctl/events\n"
    "  tail -n 3 ctl/events                     why a name below images/ did not open\n";

static int root_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		       struct err *err)
{
	out->lasting = LASTS;
	if (!strcmp(name, "images"))
		return vnode_found(rq, vn_place_new(""), out, err);
	if (!strcmp(name, "ctl"))
		return vnode_found(rq, ((struct vn_root *)dir)->make_ctl(), out, err);
	if (!strcmp(name, "sha256") || !strcmp(name, "sha512"))
		return vnode_found(rq, vn_digests_new(name), out, err);
	if (!strcmp(name, "README")) {
		struct buf text = BUF_INIT;

		buf_puts(&text, readme);
		return vnode_found(rq, vn_text_new("README", &text, rq->fs->started, true), out,
				   err);
	}
	return -ENOENT;
}

static int root_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	(void)rq;
	(void)dir;
	(void)err;
	listing_add(out, "README", DT_REG);
	listing_add(out, "ctl", DT_DIR);
	listing_add(out, "images", DT_DIR);
	return 0;
}

static const struct vnode_ops root_ops = {
    .mode = S_IFDIR | 0755,
    .lookup = root_lookup,
    .list = root_list,
};

struct vnode *vn_root_new(struct vnode *(*make_ctl)(void))
{
	struct vn_root *root = vnode_new(&root_ops, sizeof(*root), "");

	if (!root)
		return NULL;
	root->v.lasting = LASTS;
	root->make_ctl = make_ctl;
	return &root->v;
}

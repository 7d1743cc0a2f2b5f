/* SPDX-License-Identifier: MIT */
#include "fs/tree/in_use.h"

#include "fs/tree/catalog.h"
#include "fs/core/dir_locks.h"
#include "fs/core/inode.h"
#include "fs/core/job.h"
#include "fs/tree/view.h"
#include "fs/tree/vn.h"
#include "store/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel has said all when nothing has changed for so long, and for so many looks: on a busy
 * machine a look takes as long as it takes a worker to get to what the kernel says. */
#define STILL_MS    100
#define STILL_LOOKS 50
#define WAIT_MS	    5000 /* in all */
#define POLL_US	    500
#define PARKED_US   10000 /* whether requests still hold directories' locks */

/* An image's directory, in a repository or (NULL) in sha256/: where it lies, and its name. */
struct image_dir {
	char here[VN_PATH_MAX], name[DIGEST_TEXT_MAX];
};

static bool image_dir(struct image_dir *d, const char *repository, const struct digest *image)
{
	if (repository) {
		digest_text(image, d->name);
		return vn_join(d->here, "images", repository);
	}
	digest_hex(image, d->name);
	snprintf(d->here, sizeof(d->here), "%s", digest_algorithm_name(image));
	return true;
}

static bool image_path(char path[static VN_PATH_MAX], const char *repository,
		       const struct digest *image)
{
	struct image_dir d;

	return image_dir(&d, repository, image) && vn_join(path, d.here, d.name);
}

static void forget_directory(struct fs *fs, const struct view *w, uint32_t dir)
{
	struct tree_dirent entry;

	for (uint32_t i = 0; tree_dir_at(view_tree(w), dir, i, &entry); i++)
		fs->kernel->forget_name(fs->kernel, view_ino(w, dir), entry.name);
}

/* The entries of a view's root: with them goes what lies below, unless it is held. */
static void forget_entries(void *arg, struct inode *inode)
{
	struct view *w = (struct view *)inode;

	if (view_is_open(w))
		forget_directory(arg, w, TREE_ROOT);
}

/*
 * Every entry of a view, one by one. If only the directory were forgotten, the entries that are
 * still open would stay in the kernel's cache after their last close: no name would lead to them
 * any more, so they could never be forgotten. An entry that is forgotten by its own name goes with
 * its last close.
 */
static void in_use_forget_all(void *arg, struct inode *inode)
{
	struct view *w = (struct view *)inode;

	for (uint32_t n = 0; view_is_open(w) && n < tree_count(view_tree(w)); n++)
		if (tree_dir_count(view_tree(w), n))
			forget_directory(arg, w, n);
}

/* The name that a path leads to; a view's is that of its root. */
static void in_use_forget_name(void *arg, const char *path)
{
	autofree char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	struct fs *fs = arg;
	uint64_t number;

	if (!slash)
		return;
	*slash = '\0';
	number = inodes_number(fs->inodes, INODE_VNODE, parent);
	if (number)
		fs->kernel->forget_name(fs->kernel, number, slash + 1);
}

static void forget_image(struct fs *fs, const char *repository, const struct digest *image)
{
	struct image_dir d;
	uint64_t parent;

	if (!image_dir(&d, repository, image) || !fs->kernel)
		return;
	parent = inodes_number(fs->inodes, INODE_VNODE, d.here);
	if (parent)
		fs->kernel->forget_name(fs->kernel, parent, d.name);
}

/* What is held once the kernel has said what it forgot. */
static bool still_held(struct fs *fs, const char *path, enum inodes_what what)
{
	int64_t start = clock_ms(), changed = start;
	uint64_t held = inodes_held(fs->inodes, path, what), last = held;
	unsigned looks = 0;

	while (held && !fs->ending && (clock_ms() - changed < STILL_MS || looks < STILL_LOOKS) &&
	       clock_ms() - start < WAIT_MS) {
		usleep(POLL_US);
		looks++;
		held = inodes_held(fs->inodes, path, what);
		if (held != last) {
			changed = clock_ms();
			looks = 0;
		}
		last = held;
	}
	return held != 0;
}

static bool used_in(struct fs *fs, const char *repository, const struct digest *image, bool locked)
{
	enum inodes_what what = locked ? INODES_BELOW_ROOTS : INODES_ALL;
	char path[VN_PATH_MAX];

	if (!fs->kernel || !image_path(path, repository, image))
		return false;
	if (locked)
		inodes_each_view(fs->inodes, path, forget_entries, fs);
	else
		forget_image(fs, repository, image);
	if (!still_held(fs, path, what))
		return false;
	inodes_each_view(fs->inodes, path, in_use_forget_all, fs);
	if (!locked)
		inodes_each_path(fs->inodes, path, in_use_forget_name, fs);
	return still_held(fs, path, what);
}

static bool used_anywhere(struct fs *fs, const struct catalog *c, const struct digest *image,
			  bool locked)
{
	bool used = false;

	for (size_t i = 0; !used && i < catalog_count(c); i++) {
		const struct catalog_entry *e = catalog_at(c, i);

		/* Several tags of a repository are one directory. */
		if (digest_equal(&e->name->descriptor.digest, image))
			used = used_in(fs, e->repository, image, locked);
	}
	return used || used_in(fs, NULL, image, locked);
}

int in_use(struct fs *fs, const struct digest *image, bool locked, struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	bool used;
	int r = catalog_get(fs->catalogs, fs->store, &c, err);

	if (r < 0)
		return r;
	/* So may be the lock of any directory that a parked request has. */
	locked = locked || dir_locks_parked(fs->dir_locks);
	used = used_anywhere(fs, c, image, locked);
	/* Where one has come meanwhile, names were not forgotten. */
	if (used && !locked && dir_locks_parked(fs->dir_locks))
		used = used_anywhere(fs, c, image, true);
	return used;
}

/* Images whose names have gone. */
struct gone {
	struct fs *fs;
	size_t count;
	struct gone_image {
		char *repository; /* owned */
		struct digest digest;
	} images[];
};

static void gone_free(void *arg)
{
	struct gone *g = arg;

	for (size_t i = 0; i < g->count; i++)
		free(g->images[i].repository);
	free(g);
}

static int run_gone(struct job *j, void *arg, struct err *err)
{
	struct gone *g = arg;

	(void)j;
	(void)err;
	for (size_t i = 0; i < g->count; i++) {
		while (dir_locks_parked(g->fs->dir_locks) && !g->fs->ending)
			usleep(PARKED_US);
		used_in(g->fs, g->images[i].repository, &g->images[i].digest, false);
		used_in(g->fs, NULL, &g->images[i].digest, false);
	}
	return 0;
}

static bool is_known(struct fs *fs, const char *repository, const struct digest *image)
{
	char path[VN_PATH_MAX];

	return image_path(path, repository, image) && inodes_number(fs->inodes, INODE_VNODE, path);
}

/* By a job, as the lookup that has noticed it may hold a directory's lock in the kernel. */
static void on_renewed(void *arg, const struct catalog *old, const struct catalog *new)
{
	struct fs *fs = arg;
	struct gone *g = calloc(1, sizeof(*g) + catalog_count(old) * sizeof(g->images[0]));
	struct job_spec spec = {.title = "let go of removed images",
				.class = "removed images", /* it may wait long */
				.at_once = 1,
				.run = run_gone,
				.arg = g,
				.free_arg = gone_free};

	if (!g)
		return;
	g->fs = fs;
	for (size_t i = 0; i < catalog_count(old); i++) {
		const struct catalog_entry *e = catalog_at(old, i);
		struct gone_image *gone = &g->images[g->count];

		assert(g->count <= i);
		if (catalog_digest(new, e->repository, &e->name->descriptor.digest) ||
		    (!is_known(fs, e->repository, &e->name->descriptor.digest) &&
		     !is_known(fs, NULL, &e->name->descriptor.digest)))
			continue;
		gone->repository = strdup(e->repository);
		gone->digest = e->name->descriptor.digest;
		g->count += gone->repository != NULL;
	}
	if (!g->count)
		gone_free(g);
	else
		job_start(fs->jobs, &spec, NULL, NULL);
}

static void forget_open(struct fs *fs)
{
	static const char *const tops[] = {"images", "sha256", "sha512", "ctl"};

	if (!fs->kernel)
		return;
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		inodes_each_open_path(fs->inodes, tops[i], in_use_forget_name, fs);
		if (still_held(fs, tops[i], INODES_BELOW_ROOTS))
			inodes_each_view(fs->inodes, tops[i], in_use_forget_all, fs);
	}
}

void in_use_watch(struct fs *fs)
{
	fs->forget_open = forget_open;
	catalogs_watch(fs->catalogs, on_renewed, fs);
}

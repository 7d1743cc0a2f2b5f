/* SPDX-License-Identifier: MIT */
#include "fs/in_use.h"

#include "fs/catalog.h"
#include "fs/inode.h"
#include "fs/view.h"
#include "fs/vn.h"
#include "store/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STILL_MS 100  /* without a change: the kernel has said all */
#define WAIT_MS	 5000 /* in all */
#define POLL_US	 500

static bool image_path(char path[static VN_PATH_MAX], const char *repository,
		       const struct digest *image)
{
	char here[VN_PATH_MAX], text[DIGEST_TEXT_MAX];

	return vn_join(here, "images", repository) && vn_join(path, here, digest_text(image, text));
}

/* The entries of a view's root go, as nothing above it may be touched. */
static void forget_entries(void *arg, struct inode *inode)
{
	struct view *w = (struct view *)inode;
	struct fs *fs = arg;
	struct tree_dirent entry;

	if (!view_is_open(w))
		return;
	for (uint32_t i = 0; tree_dir_at(view_tree(w), TREE_ROOT, i, &entry); i++)
		fs->forget_name(fs, view_ino(w, TREE_ROOT), entry.name);
}

void in_use_forget(struct fs *fs, const char *repository, const struct digest *image)
{
	char here[VN_PATH_MAX], text[DIGEST_TEXT_MAX];
	uint64_t parent;

	if (!vn_join(here, "images", repository) || !fs->forget_name)
		return;
	parent = inodes_number(fs->inodes, INODE_VNODE, here);
	if (parent)
		fs->forget_name(fs, parent, digest_text(image, text));
}

/* What is held once the kernel has said what it forgot. */
static bool still_held(struct fs *fs, const char *path, enum inodes_what what)
{
	int64_t start = clock_ms(), changed = start;
	uint64_t held = inodes_held(fs->inodes, path, what), last = held;

	while (held && clock_ms() - changed < STILL_MS && clock_ms() - start < WAIT_MS) {
		usleep(POLL_US);
		held = inodes_held(fs->inodes, path, what);
		if (held != last)
			changed = clock_ms();
		last = held;
	}
	return held != 0;
}

static bool used_in(struct fs *fs, const char *repository, const struct digest *image, bool locked)
{
	char path[VN_PATH_MAX];

	if (!fs->forget_name || !image_path(path, repository, image))
		return false;
	if (locked)
		inodes_each_view(fs->inodes, path, forget_entries, fs);
	else
		in_use_forget(fs, repository, image);
	return still_held(fs, path, locked ? INODES_BELOW_ROOTS : INODES_ALL);
}

bool in_use(struct fs *fs, const struct digest *image, bool locked)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	bool used = false;

	if (catalog_get(fs->catalogs, fs->store, &c, NULL) < 0)
		return false;
	for (size_t i = 0; !used && i < catalog_count(c); i++) {
		const struct catalog_entry *e = catalog_at(c, i);

		/* Several tags of a repository are one directory. */
		if (digest_equal(&e->name->descriptor.digest, image))
			used = used_in(fs, e->repository, image, locked);
	}
	return used;
}

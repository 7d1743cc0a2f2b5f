/* SPDX-License-Identifier: MIT */
/*
 * docker tag and docker rmi: they set names of the store, take them away, and delete what no name
 * needs any more. So do rm, rmdir and ln -s below images/ (mv is place_edit.c's own). Blocks for the
 * disk; on a job's thread.
 */
#ifndef FS_NAMING_H
#define FS_NAMING_H

#include "fs/core/fs.h"
#include "store/base/buf.h"
#include "store/disk/names.h"

/* `docker tag SOURCE TARGET`. -ENOENT, -EINVAL with docker's sentence. */
int naming_tag(struct fs *fs, const char *source, const char *target, struct err *err);

struct removal {
	bool force;	 /* rmi -f: also what is in use, or in several repositories */
	bool locked;	 /* as in_use() (fs/tree/in_use.h) */
	bool only_names; /* delete nothing yet: naming_sweep() will */
};

/* Deletes what no name needs any more. */
int naming_sweep(struct fs *fs, struct err *err);

/* `docker rmi IMAGE`: appends its lines ("Untagged: …", "Deleted: …"). -ENOENT, -EBUSY with
 * docker's sentence. */
int naming_remove(struct fs *fs, const char *word, const struct removal *how, struct buf *answer,
		  struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * rm, rmdir, ln -s and mv below images/, as jobs that the request is parked on: what ctl/rmi and
 * ctl/tag do (fs/tree/naming.h), and for mv both names in one change. All else is -EROFS. A user
 * who does not own the mount gets -EACCES. `place` is as in fs/tree/catalog.h.
 */
#ifndef FS_PLACE_EDIT_H
#define FS_PLACE_EDIT_H

#include "fs/core/vnode.h"

/* Removes a tag; with `directory`, an image (a digest) with all its names in the repository. */
int place_remove(struct request *rq, const char *place, const char *name, bool directory,
		 struct err *err);

/* Makes a tag for what the link's target names: a path in the tree, or a reference. */
int place_tag(struct request *rq, const char *place, const char *name, const char *target,
	      struct err *err);

/* Gives a tag another name, here or in another repository; a tag that had that name is replaced. */
int place_rename(struct request *rq, const char *place, const char *name, const char *to,
		 const char *new_name, struct err *err);

#endif

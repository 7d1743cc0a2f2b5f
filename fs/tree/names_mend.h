/* SPDX-License-Identifier: MIT */
/*
 * index.json that is damaged, or that another program wrote: an event and a line in the log, and the damaged one is
 * written anew from its copy (store/disk/names.h).
 */
#ifndef FS_NAMES_MEND_H
#define FS_NAMES_MEND_H

#include "fs/core/fs.h"

/* From the next catalog on; once, before the first one. */
void names_mend_watch(struct fs *fs);

#endif

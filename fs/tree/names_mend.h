/* SPDX-License-Identifier: MIT */
/*
 * An index.json that is damaged, or that another program wrote, becomes an event and a line in the log. A
 * damaged one is written anew from its copy (store/disk/names.h).
 */
#ifndef FS_NAMES_MEND_H
#define FS_NAMES_MEND_H

#include "fs/core/fs.h"

/* From the next catalog on; once, before the first one. */
void names_mend_watch(struct fs *fs);

#endif

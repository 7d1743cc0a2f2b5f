/* SPDX-License-Identifier: MIT */
/*
 * WRITE, SETATTR and ACCESS. Only control files take a write; all else is EROFS.
 */
#ifndef FS_FUSE_WRITE_H
#define FS_FUSE_WRITE_H

#include <fuse_lowlevel.h>

void fuse_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		struct fuse_file_info *fi);
void fuse_write_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			struct fuse_file_info *fi);
void fuse_write_access(fuse_req_t req, fuse_ino_t ino, int mask);

#endif

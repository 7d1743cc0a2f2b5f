/* SPDX-License-Identifier: MIT */
/* READ: files of views without a copy, and what is stored ahead of the reader; other files. */
#ifndef FS_FUSE_READ_H
#define FS_FUSE_READ_H

#include <fuse_lowlevel.h>

void fuse_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	       struct fuse_file_info *fi);

#endif

/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_entry.h"

#include <linux/fuse.h>
#include <stddef.h>
#include <string.h>

static struct fuse_attr attr_out(const struct stat *st)
{
	return (struct fuse_attr){
	    .ino = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .blocks = (uint64_t)st->st_blocks,
	    .atime = (uint64_t)st->st_atim.tv_sec,
	    .mtime = (uint64_t)st->st_mtim.tv_sec,
	    .ctime = (uint64_t)st->st_ctim.tv_sec,
	    .atimensec = (uint32_t)st->st_atim.tv_nsec,
	    .mtimensec = (uint32_t)st->st_mtim.tv_nsec,
	    .ctimensec = (uint32_t)st->st_ctim.tv_nsec,
	    .mode = st->st_mode,
	    .nlink = (uint32_t)st->st_nlink,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .rdev = (uint32_t)st->st_rdev,
	    .blksize = (uint32_t)st->st_blksize,
	};
}

static uint32_t nanoseconds(double timeout)
{
	return (uint32_t)((timeout - (double)(uint64_t)timeout) * 1e9);
}

static struct fuse_entry_out entry_out(const struct fuse_entry *e)
{
	return (struct fuse_entry_out){
	    .nodeid = e->ino,
	    .entry_valid = (uint64_t)e->name_timeout,
	    .attr_valid = (uint64_t)e->timeout,
	    .entry_valid_nsec = nanoseconds(e->name_timeout),
	    .attr_valid_nsec = nanoseconds(e->timeout),
	    .attr = attr_out(&e->attr),
	};
}

int fuse_entry_reply(fuse_req_t req, const struct fuse_entry *e)
{
	const struct fuse_entry_out out = entry_out(e);

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

int fuse_entry_reply_attr(fuse_req_t req, const struct stat *st, double timeout)
{
	const struct fuse_attr_out out = {
	    .attr_valid = (uint64_t)timeout,
	    .attr_valid_nsec = nanoseconds(timeout),
	    .attr = attr_out(st),
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

size_t fuse_entry_put(char *to, size_t room, bool plus, const char *name,
		      const struct fuse_entry *e, off_t next)
{
	const size_t namelen = strlen(name);
	const struct fuse_dirent d = {
	    .ino = e->attr.st_ino,
	    .off = (uint64_t)next,
	    .namelen = (uint32_t)namelen,
	    .type = (e->attr.st_mode & S_IFMT) >> 12,
	};
	const size_t front = plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
	const size_t size = FUSE_DIRENT_ALIGN(front + namelen);

	if (size > room)
		return 0;
	if (plus) {
		const struct fuse_entry_out out = entry_out(e);

		memcpy(to, &out, sizeof(out));
	}
	memcpy(to + front - FUSE_NAME_OFFSET, &d, FUSE_NAME_OFFSET);
	memcpy(to + front, name, namelen);
	memset(to + front + namelen, 0, size - front - namelen);
	return size;
}

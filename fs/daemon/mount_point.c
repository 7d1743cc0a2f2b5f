/* SPDX-License-Identifier: MIT */
#include "fs/daemon/mount_point.h"

#include "store/base/mem.h"

#include <limits.h>
#include <string.h>

/* A slash or "/." at the end means the same directory, but looks into it: of a dead mount, that
 * fails. */
static void cut_end(char *path)
{
	size_t len = strlen(path);

	while (len > 1 && (path[len - 1] == '/' || (path[len - 1] == '.' && path[len - 2] == '/')))
		path[--len] = '\0';
}

int mount_point_resolve(const char *path, char **out, struct err *err)
{
	autofree char *copy = strdup(path);

	if (!copy)
		return err_nomem(err);
	cut_end(copy);
	*out = realpath(copy, NULL);
	return *out ? 0 : err_sys(err, "mount point %s", path);
}

const char *mount_point_below(const char *mount_point, const char *path)
{
	size_t len = strlen(mount_point);

	if (strncmp(path, mount_point, len) != 0)
		return NULL;
	path += len;
	if (*path == '/')
		return path + 1;
	return !*path || mount_point[len - 1] == '/' ? path : NULL;
}

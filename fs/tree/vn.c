/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include <stdio.h>

const char *vn_join(char path[static VN_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, VN_PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name);

	return n < VN_PATH_MAX ? path : NULL;
}

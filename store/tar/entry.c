/* SPDX-License-Identifier: MIT */
#include "store/tar/entry.h"

#include <errno.h>
#include <string.h>

size_t entry_clean_path(char *path, size_t len)
{
	char *from = path, *end = path + len, *to = path;

	while (from < end) {
		char *slash = memchr(from, '/', (size_t)(end - from));
		size_t n = (size_t)((slash ? slash : end) - from);

		if (n > 0 && !(n == 1 && *from == '.')) {
			if (to != path)
				*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n + 1;
	}
	*to = '\0';
	return (size_t)(to - path);
}

int entry_check_path(const char *path, size_t len, const char *what, struct err *err)
{
	size_t depth = 0;

	if (len > ENTRY_PATH_MAX)
		return err_set(err, EBADMSG, "%s has more than %d bytes", what, ENTRY_PATH_MAX);
	for (const char *at = path; *at; depth++) {
		size_t n = strcspn(at, "/");

		if (n > ENTRY_NAME_MAX)
			return err_set(err, EBADMSG, "%s has a name of more than %d bytes", what,
				       ENTRY_NAME_MAX);
		at += n + (at[n] == '/');
	}
	if (depth > ENTRY_DEPTH_MAX)
		return err_set(err, EBADMSG, "%s is deeper than %d directories", what,
			       ENTRY_DEPTH_MAX);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "store/tar/entry.h"

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

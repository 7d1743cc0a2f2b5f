/* SPDX-License-Identifier: MIT */
#include "store/disk/damage.h"

#include "store/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MARK_PATH_MAX 192

static const char *mark_path(const struct digest *blob, char path[static MARK_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, MARK_PATH_MAX, DAMAGE_DIRECTORY "/%s", digest_hex(blob, hex));
	return path;
}

bool damage_is_marked(struct store *s, const struct digest *blob)
{
	char path[MARK_PATH_MAX];

	return faccessat(store_cachefd(s), mark_path(blob, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void damage_mark(struct store *s, const struct digest *blob)
{
	char path[MARK_PATH_MAX];

	if (store_writable(s, NULL) == 0 && !damage_is_marked(s, blob))
		io_publish(store_cachefd(s), mark_path(blob, path), "", 0, 0600, NULL);
}

int damage_check(struct store *s, const struct digest *blob, struct hash *hash, struct err *err)
{
	struct digest found;

	hash_final(hash, &found);
	if (digest_equal(&found, blob))
		return 0;
	damage_mark(s, blob);
	return err_set(err, EBADMSG, "the blob in the store is damaged");
}

void damage_clear(struct store *s, const struct digest *blob)
{
	char path[MARK_PATH_MAX];

	unlinkat(store_cachefd(s), mark_path(blob, path), 0);
}

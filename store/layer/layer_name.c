/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_name.h"

#include <fcntl.h>
#include <unistd.h>

static const char *table_path(const struct digest *blob, char path[static LAYER_PATH_MAX])
{
	return layer_path(blob, layer_suffix(LAYER_CHECK_DIGESTS), path);
}

struct layer_name layer_name_of(struct store *s, const struct digest *blob)
{
	char path[LAYER_PATH_MAX];
	bool table =
	    faccessat(store_cachefd(s), table_path(blob, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	return (struct layer_name){*blob, table ? LAYER_CHECK_DIGESTS : LAYER_CHECK_BLOCKS};
}

void layer_name_drop_table(struct store *s, const struct digest *blob)
{
	char path[LAYER_PATH_MAX];

	unlinkat(store_cachefd(s), table_path(blob, path), 0);
}

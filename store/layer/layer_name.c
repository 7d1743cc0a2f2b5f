/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_name.h"

#include <fcntl.h>
#include <unistd.h>

static bool has_index(struct store *s, const struct digest *blob, enum layer_check kind)
{
	char path[LAYER_PATH_MAX];

	return faccessat(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), F_OK,
			 AT_SYMLINK_NOFOLLOW) == 0;
}

struct layer_name layer_name_of(struct store *s, const struct digest *blob)
{
	for (enum layer_check kind = LAYER_CHECK_BLOCKS + 1; kind <= LAYER_CHECK_LAST; kind++)
		if ((kind != LAYER_CHECK_REFERRED || store_trusts_referrers(s)) &&
		    has_index(s, blob, kind))
			return (struct layer_name){*blob, kind};
	return (struct layer_name){*blob, LAYER_CHECK_BLOCKS};
}

void layer_name_drop_table(struct store *s, const struct digest *blob)
{
	char path[LAYER_PATH_MAX];

	for (enum layer_check kind = LAYER_CHECK_BLOCKS + 1; kind <= LAYER_CHECK_LAST; kind++)
		unlinkat(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), 0);
}

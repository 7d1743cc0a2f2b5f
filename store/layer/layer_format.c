/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_format.h"

#include "store/base/xxh.h"

#include <stdio.h>

const char *layer_suffix(enum layer_check kind)
{
	static const char *const suffixes[] = {[LAYER_CHECK_BLOCKS] = "",
					       [LAYER_CHECK_DIGESTS] = ".table",
					       [LAYER_CHECK_PACKED] = ".ztoc",
					       [LAYER_CHECK_REFERRED] = ".referred",
					       [LAYER_CHECK_RAW] = ".raw"};

	return suffixes[kind];
}

const char *layer_path(const struct digest *blob, const char *suffix,
		       char path[static LAYER_PATH_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(path, LAYER_PATH_MAX, LAYER_DIRECTORY "%s%s", digest_hex(blob, hex), suffix);
	return path;
}

uint64_t layer_checksum(const void *header, uint64_t body)
{
	const size_t covered = offsetof(struct layer_header, compression);

	return XXH3_64bits_withSeed((const uint8_t *)header + covered,
				    sizeof(struct layer_header) - covered, body);
}

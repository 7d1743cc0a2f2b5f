/* SPDX-License-Identifier: MIT */
#include "store/layer/layer_name.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const uint8_t nobody[LAYER_VOUCHER];

const uint8_t *layer_name_voucher(const struct layer_name *name)
{
	switch (name->check) {
	case LAYER_CHECK_DIGESTS:
		return name->vouchers.table;
	case LAYER_CHECK_PACKED:
		return name->vouchers.soci;
	case LAYER_CHECK_BLOCKS:
	case LAYER_CHECK_REFERRED:
	case LAYER_CHECK_RAW:
		break;
	}
	return nobody;
}

static bool is_nobody(const uint8_t voucher[static LAYER_VOUCHER])
{
	return memcmp(voucher, nobody, LAYER_VOUCHER) == 0;
}

/* By a table of that kind it may be read, and the store has that one. */
static bool store_has_table(struct store *s, const struct layer_name *name)
{
	const uint8_t *wanted = layer_name_voucher(name);
	uint8_t found[LAYER_VOUCHER];

	if (name->check == LAYER_CHECK_REFERRED ? !store_trusts_referrers(s) : is_nobody(wanted))
		return false;
	return layer_index_voucher(s, &name->blob, name->check, found) &&
	       memcmp(found, wanted, LAYER_VOUCHER) == 0;
}

void layer_name_renew(struct store *s, struct layer_name *name)
{
	for (name->check = LAYER_CHECK_BLOCKS + 1; name->check <= LAYER_CHECK_LAST; name->check++)
		if (store_has_table(s, name))
			return;
	name->check = LAYER_CHECK_BLOCKS;
}

struct layer_name layer_name_of(struct store *s, const struct digest *blob,
				const struct layer_vouchers *vouchers)
{
	struct layer_name name = {.blob = *blob, .vouchers = *vouchers};

	layer_name_renew(s, &name);
	return name;
}

int layer_name_index(struct store *s, const struct layer_name *name, struct layer_index **out,
		     struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	int r = layer_index_open(s, &name->blob, name->check, &index, err);

	if (!r && memcmp(layer_index_vouched(index), layer_name_voucher(name), LAYER_VOUCHER) != 0)
		r = err_set(err, ENOENT, "the table of the layer is of another image");
	if (!r)
		*out = steal(&index);
	return r;
}

bool layer_name_any_table(struct store *s, const struct digest *blob, struct layer_name *out)
{
	uint8_t found[LAYER_VOUCHER];

	for (enum layer_check kind = LAYER_CHECK_BLOCKS + 1; kind <= LAYER_CHECK_LAST; kind++) {
		if (!layer_index_voucher(s, blob, kind, found))
			continue;
		*out = (struct layer_name){.blob = *blob, .check = kind};
		memcpy(out->vouchers.table, found, LAYER_VOUCHER);
		memcpy(out->vouchers.soci, found, LAYER_VOUCHER);
		return true;
	}
	return false;
}

void layer_name_drop_table(struct store *s, const struct digest *blob)
{
	char path[LAYER_PATH_MAX];

	for (enum layer_check kind = LAYER_CHECK_BLOCKS + 1; kind <= LAYER_CHECK_LAST; kind++)
		unlinkat(store_cachefd(s), layer_path(blob, layer_suffix(kind), path), 0);
}

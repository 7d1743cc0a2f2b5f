/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_upper.h"

#include <stdlib.h>

int tree_upper_begin(struct tree_upper *u, uint32_t below, struct err *err)
{
	int r = tree_build_implicit(u->b, u->b->node_count, &u->root, err);

	if (r)
		return r;
	u->below = below;
	u->pending_count = 0;
	u->followed = 0;
	u->last_len = SIZE_MAX;
	return 0;
}

void tree_upper_free(struct tree_upper *u)
{
	free(u->pending);
	u->pending = NULL;
}

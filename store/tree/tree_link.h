/* SPDX-License-Identifier: MIT */
/*
 * Hard links of one layer. A link is another name of the file at u->link, which is looked for in this
 * order: in the layer as it is by now, in the layers below, in the layer at its end. A link that
 * leads to nothing, or to a directory, is left out and counted.
 */
#ifndef STORE_TREE_LINK_H
#define STORE_TREE_LINK_H

#include "store/tree/tree_upper.h"

/* Lets the name lead to the file at u->link: at once, or at the end if there is none yet. */
int tree_link_add(struct tree_upper *u, uint32_t name, const struct tree_attrs *attrs,
		  uint64_t time, struct err *err);

/* Resolves the links that wait, at the end of the layer. */
int tree_link_settle(struct tree_upper *u, struct err *err);

#endif

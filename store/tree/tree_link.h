/* SPDX-License-Identifier: MIT */
/*
 * Hard links of one layer. A link is another name of a file, found in this order: what the layer
 * has there by now, what the layers below have there, what the layer has there at its end. One that
 * leads to nothing, or to a directory, is left out and counted.
 */
#ifndef STORE_TREE_LINK_H
#define STORE_TREE_LINK_H

#include "store/tree/tree_upper.h"

/* Lets the name lead to the file at u->link, at once or, where there is none yet, at the end. */
int tree_link_add(struct tree_upper *u, uint32_t name, const struct tree_attrs *attrs,
		  uint64_t time, struct err *err);

/* The end of the layer. */
int tree_link_settle(struct tree_upper *u, struct err *err);

#endif

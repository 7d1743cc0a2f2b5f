/* SPDX-License-Identifier: MIT */
/*
 * The table of contents of a layer (store/lazy/lazy.h), so that it can be read before its blob is
 * here. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_TABLE_H
#define REGISTRY_PULL_TABLE_H

#include "registry/transfer/pull.h"

/* Whether pull_table_or_layer() will try to fetch the layer's table. */
bool pull_has_table(const struct transfer *t, const struct descriptor *layer);

/* Fetches what it takes to show the layer: its table, where t->lazy is set, the layer has one and its
 * blob is not here; else all of it. */
int pull_table_or_layer(const struct transfer *t, const struct ref *repository,
			const struct descriptor *layer, const struct digest *diff_id,
			struct err *err);

#endif

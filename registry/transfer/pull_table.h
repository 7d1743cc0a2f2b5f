/* SPDX-License-Identifier: MIT */
/*
 * The table of contents of a layer (store/lazy/lazy.h), so that it can be read before its blob is
 * here. Blocks; thread safe.
 */
#ifndef REGISTRY_PULL_TABLE_H
#define REGISTRY_PULL_TABLE_H

#include "registry/transfer/pull.h"

/* Whether that is what pull_table_or_layer() will try. */
bool pull_has_table(const struct transfer *t, const struct descriptor *layer);

/* What it takes to show the layer: where t->lazy is set its table, if it has one and its blob is not
 * here; else all of it. */
int pull_table_or_layer(const struct transfer *t, const struct ref *repository,
			const struct descriptor *layer, const struct digest *diff_id,
			struct err *err);

#endif

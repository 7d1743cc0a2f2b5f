/* SPDX-License-Identifier: MIT */
/*
 * What a pull relies on is held by its lease before it looks whether it is there
 * (store/disk/lease.h).
 */
#ifndef REGISTRY_PULL_HOLD_H
#define REGISTRY_PULL_HOLD_H

#include "registry/transfer/pull.h"

static inline int pull_hold(const struct pull *p, const struct digest *digest, struct err *err)
{
	return p->lease ? lease_add(p->lease, digest, 1, err) : 0;
}

#endif

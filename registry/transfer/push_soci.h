/* SPDX-License-Identifier: MIT */
/*
 * Makes a SOCI index of version 1 for an image, and attaches it to that at its registry, so that others can read its
 * layers before they have downloaded them. Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_SOCI_H
#define REGISTRY_PUSH_SOCI_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* The image of the transfer's platform that `top` leads to, which the store has. Layers that are not here are pulled first. A
 * line for each layer tells what came of it. -EOPNOTSUPP: no layer can have a zTOC. */
int push_soci(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	      struct err *err);

#endif

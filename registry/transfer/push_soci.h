/* SPDX-License-Identifier: MIT */
/*
 * Makes a SOCI index of version 1 for an image, and attaches it to the image at its registry, so that
 * others can read its layers before they have downloaded them. Blocks; thread safe.
 */
#ifndef REGISTRY_PUSH_SOCI_H
#define REGISTRY_PUSH_SOCI_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

/* For the image of the transfer's platform that `top` leads to; the store has its documents. Layers that
 * are not here are pulled first. The watch gets a line for each layer. -EOPNOTSUPP: no layer can have a
 * zTOC. */
int push_soci(const struct transfer *t, const struct ref *ref, const struct descriptor *top,
	      struct err *err);

#endif

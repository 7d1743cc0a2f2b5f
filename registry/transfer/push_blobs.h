/* SPDX-License-Identifier: MIT */
/*
 * The blobs of an image that is pushed: each once, several at a time, the largest first. Tells the
 * transfer's watch docker's lines of layers, and the bytes of all.
 */
#ifndef REGISTRY_PUSH_BLOBS_H
#define REGISTRY_PUSH_BLOBS_H

#include "registry/transfer/transfer.h"
#include "store/oci/oci.h"

struct push_blobs;

/* `t` and `ref`, the place to push to, are borrowed until the close. */
int push_blobs_open(const struct transfer *t, const struct ref *ref, struct push_blobs **out,
		    struct err *err);

/* Adds a blob, which the transfer's lease holds. */
int push_blobs_add(struct push_blobs *b, const struct descriptor *d, bool layer, struct err *err);

/* Returns when the registry has all blobs: 0; or the first failure. */
int push_blobs_send(struct push_blobs *b, struct err *err);
void push_blobs_close(struct push_blobs *b); /* NULL is allowed */

#endif

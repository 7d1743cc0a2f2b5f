/* SPDX-License-Identifier: MIT */
/*
 * A SOCI index (awslabs/soci-snapshotter docs/soci-index-manifest-v2.md): a manifest whose blobs are
 * zTOCs, each for a layer of an image. Of version 2, the image's manifest names it by its digest,
 * so who trusts the one can trust the other; one of version 1 refers to the image instead, and whoever
 * may push can attach it. Pure.
 */
#ifndef STORE_SOCI_H
#define STORE_SOCI_H

#include "store/layer/layer_format.h"
#include "store/oci/oci.h"

#define SOCI_TYPE_V1	  "application/vnd.amazon.soci.index.v1+json"
#define SOCI_TYPE_V2	  "application/vnd.amazon.soci.index.v2+json"
#define SOCI_ZTOC_TYPE	  "application/octet-stream"
#define SOCI_INDEX_DIGEST "com.amazon.soci.index-digest" /* annotations: of the image's manifest */
#define SOCI_LAYER_DIGEST "com.amazon.soci.image-layer-digest"	  /* of a zTOC's descriptor */
#define SOCI_LAYER_TYPE	  "com.amazon.soci.image-layer-mediaType" /* the same */
#define SOCI_BUILD_TOOL	  "com.amazon.soci.build-tool-identifier" /* of the SOCI index */

/* The index that the manifest of an image names. False: none. */
bool soci_index_digest(const struct manifest *image, struct digest *out);

struct soci;

/* Reads a manifest, of that digest, that is a SOCI index of version 2; or, where `image` is given, one of version 1 that is that
 * image's. -EBADMSG: it is neither, or malformed. */
int soci_open(const struct manifest *m, const struct digest *self, const struct digest *image,
	      struct soci **out, struct err *err);
void soci_close(struct soci *s); /* NULL is allowed */
DEFINE_AUTO(struct soci, soci_close)

/* The zTOC of a layer, borrowed; NULL: it has none, or one that says it is of another media type. */
const struct descriptor *soci_ztoc(const struct soci *s, const struct descriptor *layer);

/* How the index of a layer by such a zTOC is verified, and the digest by which an image's manifest
 * vouches for it; NULL: nobody does. */
enum layer_check soci_check(const struct soci *s);
const struct digest *soci_voucher(const struct soci *s);

/* -EOPNOTSUPP: no layer of that media type has a zTOC. */
int soci_compression(const char *media_type, enum compression *out, struct err *err);

#endif

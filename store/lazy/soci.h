/* SPDX-License-Identifier: MIT */
/*
 * A SOCI index (awslabs/soci-snapshotter docs/soci-index-manifest-v2.md): a manifest whose blobs are
 * zTOCs, each for a layer of an image. An index of version 2 is named by the image's manifest, by
 * its digest, so it can be trusted as far as the manifest. An index of version 1 refers to the image
 * instead: everybody who may push can attach it. Pure.
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

/* The digest of the SOCI index that the manifest of an image names. False: it names none. */
bool soci_index_digest(const struct manifest *image, struct digest *out);

struct soci;

/* Reads a SOCI index, the manifest with the digest `self`. If `image` is NULL it has to be of version 2,
 * else of version 1 and refer to that image. -EBADMSG: it is not, or is malformed. */
int soci_open(const struct manifest *m, const struct digest *self, const struct digest *image,
	      struct soci **out, struct err *err);
void soci_close(struct soci *s); /* NULL is allowed */
DEFINE_AUTO(struct soci, soci_close)

/* The zTOC of a layer, borrowed; NULL: it has none, or only one for another media type. */
const struct descriptor *soci_ztoc(const struct soci *s, const struct descriptor *layer);

/* soci_check: the kind of an index made from its zTOCs. soci_voucher: the digest by which the image's
 * manifest vouches for them, borrowed; NULL: none does (version 1). */
enum layer_check soci_check(const struct soci *s);
const struct digest *soci_voucher(const struct soci *s);

/* The compression that a layer's media type says. -EOPNOTSUPP: layers of that type have no zTOC. */
int soci_compression(const char *media_type, enum compression *out, struct err *err);

#endif

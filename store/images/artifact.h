/* SPDX-License-Identifier: MIT */
/*
 * Manifests that are no container image: SBOMs, signatures, attestations, whatever else lies in a
 * registry (OCI image specification 1.1, "Guidelines for artifact usage"). Their blobs are files,
 * not layers, and their config may be anything. Pure.
 */
#ifndef STORE_ARTIFACT_H
#define STORE_ARTIFACT_H

#include "store/oci/oci.h"

/* Whether a manifest is an artifact. If all layers (one at least) have the types of image layers, it is
 * one only if its config has the type of something else; a type that says nothing (text/html: some
 * registries made it of docker's first configs) is that of an image. Otherwise it is one if it has an
 * artifactType, if its config is no image's, or if all layers are texts, as in the signatures of cosign
 * and the attestations of buildkit. So an image with layers of an unknown type stays an image. */
bool manifest_is_artifact(const struct manifest *m);

/* The kind of an artifact: its artifactType, else its config's type, or if that says nothing its first
 * blob's; NULL: not known. Borrowed. */
const char *manifest_artifact_type(const struct manifest *m);

/*
 * The names that the blobs have as files. A blob's name is the title in its annotation if that can be
 * a file's name. Else it is made of the blob's number, its kind and the format that its media type
 * says: "0.spdx.json". No two are the same: a repeated name gets the blob's number at its end.
 */
struct artifact_names {
	char **at; /* owned, as are the strings; one per layer of the manifest */
	size_t count;
};
int artifact_names(const struct manifest *m, struct artifact_names *out, struct err *err);
void artifact_names_clear(struct artifact_names *n);
#define autoartifactnames __attribute__((cleanup(artifact_names_clear))) struct artifact_names

#endif

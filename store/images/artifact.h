/* SPDX-License-Identifier: MIT */
/*
 * Manifests that are no container image: SBOMs, signatures, attestations, whatever else lies in a
 * registry (OCI image specification 1.1, "Guidelines for artifact usage"). Their blobs are files,
 * not layers, and their config may be anything. Pure.
 */
#ifndef STORE_ARTIFACT_H
#define STORE_ARTIFACT_H

#include "store/oci/oci.h"

/* True where its config is no image's, and where it is one's, but all its layers are texts: so are the
 * signatures of cosign and the attestations of buildkit. And where it says so (artifactType), but for
 * images with layers of the types that images have. An image with layers of a type that is not known
 * stays one; so does one of image layers whose config has a type that says nothing (text/html: some
 * registries between made that of docker's first ones). */
bool manifest_is_artifact(const struct manifest *m);

/* What kind of artifact: artifactType, else the config's type, or where that says nothing the first
 * blob's; or NULL. Borrowed. */
const char *manifest_artifact_type(const struct manifest *m);

/*
 * The names that the blobs have as files: the title that an annotation gives them, where it can be
 * one name of a directory, else the blob's number, its kind and what its media type says of its
 * format: "0.spdx.json". Each is there once: a repeated one has its number behind it.
 */
struct artifact_names {
	char **at; /* owned, as are the strings; one per layer of the manifest */
	size_t count;
};
int artifact_names(const struct manifest *m, struct artifact_names *out, struct err *err);
void artifact_names_clear(struct artifact_names *n);
#define autoartifactnames __attribute__((cleanup(artifact_names_clear))) struct artifact_names

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Storing at a registry (OCI distribution specification 1.1, "Pushing"). Calls block as those of
 * registry.h do, with its errors; always to the registry itself, never a mirror. Nothing that is
 * stored shows before its manifest is put.
 */
#ifndef REGISTRY_API_UPLOAD_H
#define REGISTRY_API_UPLOAD_H

#include "registry/api/registry.h"
#include "store/disk/blob.h"
#include "store/oci/oci.h"

enum upload_result { UPLOAD_EXISTS, UPLOAD_MOUNTED, UPLOAD_SENT };

struct api_upload {
	struct registry *registry;
	const struct ref *repository;
	struct cancel *cancel;
	/* How many bytes of the blob the registry has; from any thread. Or NULL. */
	void (*bytes)(void *arg, uint64_t sent);
	void *arg;
};

/*
 * Stores a blob of the store, of `size` bytes. Nothing is sent where the registry has it, or can mount it
 * from the repository `from` of the same registry (a path; or NULL). It is hashed as it is sent: -EBADMSG
 * where it has rotted. A broken transfer goes on where the registry says it stands.
 */
int api_upload_blob(const struct api_upload *u, struct store *s, const struct digest *digest,
		    uint64_t size, const char *from, enum upload_result *result, struct err *err);

/* Stores a manifest or index under its tag or digest, byte for byte, as the given media type. */
int api_upload_manifest(const struct api_upload *u, const struct ref *ref, const char *media_type,
			const struct digest *digest, const struct buf *body, struct err *err);

#endif

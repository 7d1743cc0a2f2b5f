/* SPDX-License-Identifier: MIT */
/*
 * A blob of the store on its way to a registry, from any offset on. All of it is hashed, in order,
 * so what an earlier try has sent is read again; the last bytes go out only where all of them are
 * right. Used by one transfer at a time.
 */
#ifndef REGISTRY_API_UPLOAD_SOURCE_H
#define REGISTRY_API_UPLOAD_SOURCE_H

#include "registry/api/api_upload.h"

struct api_upload_source {
	const struct api_upload *upload; /* borrowed: it is told of progress */
	struct store *store;		 /* borrowed */
	struct digest digest;
	uint64_t size;
	int fd;		   /* owned */
	uint64_t start;	   /* where the body that is sent begins in the blob */
	struct hash *hash; /* owned */
	uint64_t hashed;   /* bytes from the blob's first on */
};

/* -ENOENT, -EBADMSG where the file has another size. api_upload_source_close in any case. */
int api_upload_source_open(struct api_upload_source *s, const struct api_upload *u,
			   struct store *store, const struct digest *digest, uint64_t size,
			   struct err *err);
void api_upload_source_close(struct api_upload_source *s);

/* For struct http_upload: the bytes from `start` + offset on. */
ssize_t api_upload_source_read(void *arg, uint64_t offset, void *data, size_t max, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
#include "registry/transfer/repair.h"

#include "registry/transfer/pull_blob.h"
#include "registry/transfer/pull_manifest.h"

int repair_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
		struct err *err)
{
	autobuf body = BUF_INIT;

	if (oci_type_is_index(d->media_type) || oci_type_is_manifest(d->media_type))
		return pull_manifest_document(t, repository, d, &body, err);
	return pull_blob(t, repository, d, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * Plans the images of an OCI image layout in an archive (OCI image specification, image-layout.md):
 * index.json and the blobs that it leads to. An index needs at least one of its platforms in the
 * archive. A blob that the archive lacks may be in the store.
 */
#ifndef STORE_ARCHIVE_OCI_H
#define STORE_ARCHIVE_OCI_H

#include "store/archive/archive_members.h"
#include "store/archive/archive_plan.h"

/* `only`: only images of that platform; NULL: all. -EBADMSG, -EPROTO: something in the archive is wrong;
 * -ENOENT: something is missing; -EOPNOTSUPP: another version of the layout, or an unknown media type. */
int archive_oci_plan(struct archive_plan *p, const struct archive_members *m,
		     const struct platform *only, struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What an OCI image layout in an archive means (OCI image specification, image-layout.md):
 * index.json and the blobs that it leads to. Plans what is to be made of it. Of an index there may
 * be only some platforms, one at least; a blob that the archive lacks may be in the store.
 */
#ifndef STORE_ARCHIVE_OCI_H
#define STORE_ARCHIVE_OCI_H

#include "store/archive/archive_members.h"
#include "store/archive/archive_plan.h"

/* `only`: of an index, what is for that platform, or NULL. -EBADMSG, -EPROTO: anything in it is
 * wrong, -ENOENT: missing; -EOPNOTSUPP: another version of the layout, or media types that are not
 * known. */
int archive_oci_plan(struct archive_plan *p, const struct archive_members *m,
		     const struct platform *only, struct err *err);

#endif

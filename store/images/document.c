/* SPDX-License-Identifier: MIT */
#include "store/images/document.h"

#include "store/disk/blob.h"

#include <errno.h>

int document_check_size(const struct descriptor *d, size_t size, struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	if (size == d->size)
		return 0;
	return err_set(err, EBADMSG, "%s has %zu bytes, its descriptor says %llu",
		       digest_text(&d->digest, text), size, (unsigned long long)d->size);
}

int document_read(struct store *s, const struct descriptor *d, size_t max, struct buf *out,
		  struct err *err)
{
	size_t before = out->len;
	int r = blob_read(s, &d->digest, max, out, err);

	return r ? r : document_check_size(d, out->len - before, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * docker images --filter: which images are wanted. An image must fit to all keys. Of a key that is
 * given several times one value is enough, but all labels must be there. Pure, but before=, since= and
 * labels read the store.
 */
#ifndef FS_IMAGES_FILTER_H
#define FS_IMAGES_FILTER_H

#include "fs/docker/args.h"
#include "store/images/image.h"
#include "store/disk/names.h"
#include "store/oci/ref.h"

struct images_filter {
	struct words references; /* patterns; none: all */
	struct words labels, without;
	bool has_dangling, dangling;
	bool has_before, has_since; /* created strictly before and after: seconds since 1970 */
	int64_t before, since;
};

/* Adds one "KEY=VALUE". Durations count back from `now`, in seconds since 1970. -EINVAL, -ENOENT in
 * docker's words. */
int images_filter_add(struct images_filter *f, struct store *s, const struct platform *wish,
		      const char *text, int64_t now, struct err *err);
int images_filter_pattern(struct images_filter *f, const char *pattern, struct err *err);
void images_filter_clear(struct images_filter *f);

/* Does the name fit? Asked before its image is read: 1, 0 or -ENOMEM. */
int images_filter_name(const struct images_filter *f, const struct name *n, const struct ref *r,
		       struct err *err);

/* Does the time fit at which the image was made? NULL: that is not known. */
bool images_filter_created(const struct images_filter *f, const int64_t *created);

/* Do the image's labels fit? 1, 0 or -ENOMEM. Its config is read where the filter has labels. */
int images_filter_labels(const struct images_filter *f, struct store *s,
			 const struct descriptor *image, const struct platform *wish,
			 struct err *err);

#endif

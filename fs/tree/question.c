/* SPDX-License-Identifier: MIT */
#include "fs/tree/question.h"

#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/tree/vn.h"

#include <stdio.h>
#include <string.h>

/* What follows "MOUNTPOINT/images/", or NULL. */
static const char *in_images(const char *path, const char *mountpoint)
{
	size_t len = strlen(mountpoint);

	if (strncmp(path, mountpoint, len) != 0 || strncmp(path + len, "/images/", 8) != 0)
		return NULL;
	return path + len + 8;
}

/* True where the first component of a path is the name of a part of an image. */
static bool begins_with_part(const char *path)
{
	char name[32] = "";
	size_t n = strcspn(path, "/");

	if (n < sizeof(name))
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
	return vn_image_has_name(name);
}

/* True for "REPOSITORY/TAG/PART…" and "REPOSITORY/DIGEST…". */
static bool leads_into_image(const char *path)
{
	const char *tag = path;

	for (const char *at = path; (at = strchr(at, '/')); tag = at) {
		struct digest d;
		char text[DIGEST_TEXT_MAX];

		at++;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "/"), at);
		if (!digest_parse(text, &d, NULL) || (tag != path && begins_with_part(at)))
			return true;
	}
	return false;
}

static bool lies_below(void *arg, const char *path)
{
	const struct fs *fs = arg;
	const char *rest = in_images(path, fs->mountpoint);

	if (!rest)
		rest = in_images(path, fs->mountpoint_given);
	return rest && leads_into_image(rest);
}

void question_read(const struct request *rq, const char *place, const char *name,
		   struct lookup_question *out)
{
	struct caller c;
	const char *behind;
	bool ends;

	caller_read(rq->pid, &c);
	behind = caller_behind(&c, *place ? place : "images", name);
	if (behind && !strncmp(behind, "..", 2) && strchr("/", behind[2]))
		behind = NULL; /* it goes on, but not from the name */
	ends = behind && !*behind;
	*out = (struct lookup_question){
	    .asks = !behind || ends,
	    .image = behind && begins_with_part(behind),
	    .walks = !ends || !c.looks,
	};
	if (c.creates && (ends || !behind))
		out->asks = out->walks = false;
	if (out->asks && !caller_was_told(&c) && caller_any_place(&c, lies_below, rq->fs))
		out->asks = false;
	out->asks |= out->image;
}

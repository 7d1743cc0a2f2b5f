/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull.h"

#include "registry/transfer/pull_blob.h"
#include "registry/transfer/pull_manifest.h"
#include "store/disk/blob.h"
#include "store/images/image.h"

#include <stdio.h>
#include <string.h>

/* The names of one reference. */
struct spelling {
	char *full, *familiar; /* owned */
};

static void spelling_clear(struct spelling *s)
{
	free(s->full);
	free(s->familiar);
}

static int spell(const struct ref *ref, struct spelling *s, struct err *err)
{
	s->full = ref_full(ref);
	s->familiar = ref_familiar(ref);
	return s->full && s->familiar ? 0 : err_nomem(err);
}

/* docker takes such an image, and says so. */
static void warn_of_platform(const struct transfer *t, const struct image *i, const char *familiar)
{
	char is[PLATFORM_TEXT_MAX], wish[PLATFORM_TEXT_MAX];

	if (platform_rank(t->platform, &i->config->platform) < 0)
		transfer_line(
		    t,
		    "WARNING: image with reference %s was found but its platform (%s) does not "
		    "match the specified platform (%s)",
		    familiar, platform_text(&i->config->platform, is),
		    platform_text(t->platform, wish));
}

/* ---- an image ---- */

/* Everything of an image whose documents are there; *unchanged becomes false where something had
 * to be fetched. */
static int pull_contents(const struct transfer *t, const struct ref *ref,
			 const struct descriptor *top, const char *familiar, bool *unchanged,
			 struct err *err)
{
	AUTO(image_close) struct image *i = NULL;
	int r = image_open(t->store, top, t->platform, IMAGE_WISHED, &i, err);

	if (r < 0)
		return r;
	if (!i->artifact)
		warn_of_platform(t, i, familiar);
	for (size_t n = 0; n < i->manifest->layer_count; n++)
		*unchanged &= blob_is_sound(t->store, &i->manifest->layers[n].digest,
					    i->manifest->layers[n].size);
	if (i->artifact)
		return pull_blob_all(t, ref, i->manifest, err);
	return pull_layers(t, ref, i->manifest, i->config, true, err);
}

static int pull_spelled(const struct transfer *t, const struct ref *ref, const struct spelling *s,
			struct err *err)
{
	struct descriptor top = {0};
	char digest[DIGEST_TEXT_MAX];
	bool unchanged, recorded;
	int r = pull_manifest_documents(t, ref, &top, &recorded, err);

	if (r < 0)
		return r;
	transfer_line(t, "%s: Pulling from %s", ref->has_digest ? s->full : ref->tag, ref->path);
	unchanged = recorded;
	r = pull_contents(t, ref, &top, s->familiar, &unchanged, err);
	/* Also where it was there: somebody may have removed the name since. */
	if (!r && !pull_manifest_is_recorded(t, ref, &top))
		r = pull_manifest_record(t, ref, &top, false, err);
	if (!r) {
		transfer_line(t, "Digest: %s", digest_text(&top.digest, digest));
		transfer_line(t, "Status: %s for %s",
			      unchanged ? "Image is up to date" : "Downloaded newer image",
			      s->familiar);
	}
	descriptor_clear(&top);
	return r;
}

/* All lines but the last, which names what was asked for. */
static int pull_one(const struct transfer *t, const struct ref *ref, struct err *err)
{
	struct spelling s = {0};
	int r = spell(ref, &s, err);

	if (!r) {
		r = pull_spelled(t, ref, &s, err);
		/* What cannot be resolved says its name itself. */
		if (r < 0 && err && strncmp(err->text, "failed to resolve", 17) != 0)
			err_context(err, "pull %s", s.familiar);
	}
	spelling_clear(&s);
	return r;
}

int pull_image(const struct transfer *t, const struct ref *ref, struct err *err)
{
	autofree char *full = ref_full(ref);
	int r = full ? pull_one(t, ref, err) : err_nomem(err);

	if (!r)
		transfer_line(t, "%s", full);
	return r;
}

/* ---- all tags ---- */

static int collect_tag(void *arg, const char *tag, struct err *err)
{
	struct buf *tags = arg;

	buf_append(tags, tag, strlen(tag) + 1);
	return buf_failed(tags) ? err_nomem(err) : 0;
}

static int pull_tag(const struct transfer *t, const struct ref *repository, const char *tag,
		    struct err *err)
{
	autoref ref = REF_INIT;
	int r = ref_copy(&ref, repository, err);

	if (r < 0)
		return r;
	free(ref.tag);
	ref.has_digest = false;
	ref.tag = strdup(tag);
	return ref.tag ? pull_one(t, &ref, err) : err_nomem(err);
}

int pull_all_tags(const struct transfer *t, const struct ref *repository, struct err *err)
{
	autofree char *name = ref_repository(repository);
	autobuf tags = BUF_INIT;
	int r = name ? registry_tags(t->registry, repository, t->cancel, collect_tag, &tags, err)
		     : err_nomem(err);

	if (r < 0)
		return r;
	for (size_t at = 0; !r && at < tags.len; at += strlen(tags.data + at) + 1)
		r = pull_tag(t, repository, tags.data + at, err);
	if (!r)
		transfer_line(t, "%s", name);
	return r;
}

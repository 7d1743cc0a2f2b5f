/* SPDX-License-Identifier: MIT */
#include "fs/docker/resolve.h"

#include "store/images/image_facts.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void resolved_clear(struct resolved *found)
{
	names_put(found->names);
	free(found->list);
	*found = (struct resolved){0};
}

static int no_such_image(const char *word, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *familiar = NULL;

	if (strncmp(word, "sha256:", 7) != 0 && ref_parse(word, &ref, NULL) == 0)
		familiar = ref_familiar(&ref);
	return err_set(err, ENOENT, "No such image: %s", familiar ? familiar : word);
}

static void resolve_add(struct resolved *out, const struct name *n)
{
	if (out->count == 0)
		out->digest = n->descriptor.digest;
	out->list[out->count++] = n;
}

/* ---- by reference ---- */

/* REPOSITORY@DIGEST is every name of the repository that has the digest. */
static int resolve_find_digest(const struct ref *ref, struct resolved *out, struct err *err)
{
	autofree char *repository = ref_repository(ref);
	size_t len = repository ? strlen(repository) : 0;

	if (!repository)
		return err_nomem(err);
	for (size_t i = 0; i < names_count(out->names); i++) {
		const struct name *n = names_at(out->names, i);

		if (!strncmp(n->reference, repository, len) && strchr(":@", n->reference[len]) &&
		    digest_equal(&n->descriptor.digest, &ref->digest))
			resolve_add(out, n);
	}
	return 0;
}

static int find_reference(const char *word, struct resolved *out, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	const struct name *n;
	int r = ref_parse(word, &ref, err);

	if (r < 0)
		return r;
	if (ref.has_digest)
		return resolve_find_digest(&ref, out, err);
	full = ref_full(&ref);
	n = full ? names_find(out->names, full) : NULL;
	if (n)
		resolve_add(out, n);
	return full ? 0 : err_nomem(err);
}

/* ---- by ID ---- */

/* The digits of an ID, or NULL. */
static const char *id_digits(const char *word)
{
	const char *digits = strncmp(word, "sha256:", 7) ? word : word + 7;
	size_t len = strlen(digits);

	return len && len <= 64 && strspn(digits, "0123456789abcdef") == len ? digits : NULL;
}

static bool begins_with(const struct digest *d, const char *digits)
{
	char hex[DIGEST_HEX_MAX];

	return !strncmp(digest_hex(d, hex), digits, strlen(digits));
}

/* The digest of the image that begins with the digits: what is named, its manifest, its config.
 * 1 where one does, 0 also where the image cannot be read; or -ENOMEM. */
static int match_id(struct store *s, const struct platform *platform, const struct name *n,
		    const char *digits, struct digest *out, struct err *err)
{
	struct image_facts facts;
	int r;

	*out = n->descriptor.digest;
	if (begins_with(out, digits))
		return 1;
	r = image_facts(s, &n->descriptor, platform, &facts, err);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	*out = facts.manifest;
	if (begins_with(out, digits))
		return 1;
	*out = facts.config;
	return begins_with(out, digits);
}

static int find_id(struct store *s, const struct platform *platform, const char *word,
		   const char *digits, struct resolved *out, struct err *err)
{
	struct digest found, digest;

	for (size_t i = 0; i < names_count(out->names); i++) {
		const struct name *n = names_at(out->names, i);
		int r = match_id(s, platform, n, digits, &digest, err);

		if (r < 0)
			return r;
		if (!r)
			continue;
		if (out->count && !digest_equal(&digest, &found))
			return err_set(err, EINVAL, "%s: ambiguous reference", word);
		found = digest;
		resolve_add(out, n);
	}
	out->by_id = true;
	return 0;
}

int resolve(struct store *s, const struct platform *platform, const char *word,
	    struct resolved *out, struct err *err)
{
	const char *digits = id_digits(word);
	bool is_digest = digits && (digits != word || strlen(digits) == 64);
	int r;

	*out = (struct resolved){0};
	r = names_get(s, &out->names, err);
	if (r < 0)
		return r;
	out->list = calloc(names_count(out->names) + 1, sizeof(const struct name *));
	if (!out->list)
		r = err_nomem(err);
	if (!r && !is_digest)
		r = find_reference(word, out, err);
	if (!r && !out->count && digits)
		r = find_id(s, platform, word, digits, out, err);
	if (!r && !out->count)
		r = no_such_image(word, err);
	if (r < 0)
		resolved_clear(out);
	return r;
}

static int lacks_platform(const char *word, const char *platform, struct err *err)
{
	return err_set(err, ENOENT,
		       "image with reference %s was found but does not provide the specified "
		       "platform (%s)",
		       word, platform);
}

int resolve_image(struct store *s, const struct platform *ours, const char *word,
		  const char *platform, struct names **names, struct image **out, struct err *err)
{
	AUTO(image_close) struct image *image = NULL;
	autoresolved found = {0};
	struct platform wish = *ours;
	int r = platform ? platform_parse(platform, &wish, err) : 0;

	if (!r)
		r = resolve(s, ours, word, &found, err);
	if (r)
		return r;
	r = image_open(s, &found.list[0]->descriptor, &wish, platform ? IMAGE_WISHED : IMAGE_LOCAL,
		       &image, err);
	if (r)
		return r == -ENOENT && platform ? lacks_platform(word, platform, err) : r;
	if (image->artifact)
		return err_set(err, ENOENT, "%s is no image", word);
	if (platform && !platform_equal(&image->config->platform, &wish))
		return lacks_platform(word, platform, err);
	if (names)
		*names = steal(&found.names);
	*out = steal(&image);
	return 0;
}

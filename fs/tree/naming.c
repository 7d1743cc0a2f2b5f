/* SPDX-License-Identifier: MIT */
#include "fs/tree/naming.h"

#include "fs/tree/in_use.h"
#include "fs/docker/resolve.h"
#include "store/images/gc.h"
#include "store/images/image.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tag ---- */

static int parse_target(const char *target, struct ref *ref, struct err *err)
{
	struct err why = {0};
	int r = ref_parse(target, ref, &why);

	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0)
		return err_set(err, EINVAL,
			       "error parsing reference: \"%s\" is not a valid repository/tag: %s",
			       target, why.text);
	if (ref->has_digest)
		return err_set(err, EINVAL, "refusing to create a tag with a digest reference");
	if (!strcmp(ref->domain, "docker.io") && !strcmp(ref->path, "library/sha256"))
		return err_set(
		    err, EINVAL,
		    "refusing to create an ambiguous tag using digest algorithm as name");
	return 0;
}

int naming_tag(struct fs *fs, const char *source, const char *target, struct err *err)
{
	autoresolved found = {0};
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = parse_target(target, &ref, err);

	if (!r)
		r = resolve(fs->store, &fs->platform, source, &found, err);
	if (r < 0)
		return r;
	full = ref_full(&ref);
	if (!full)
		return err_nomem(err);
	/* Another process may have removed it meanwhile. */
	struct names_change change = {
	    .reference = full, .set = &found.list[0]->descriptor, .named = true};

	r = names_edit(fs->store, &change, 1, err);
	return r == -ENOENT ? err_set(err, ENOENT, "No such image: %s", source) : r;
}

/* ---- rmi ---- */

/* The image ID's first digits; of what names it where the config is not there. */
static const char *short_id(struct fs *fs, const struct name *n, char hex[static DIGEST_HEX_MAX])
{
	AUTO(image_close) struct image *i = NULL;
	bool known =
	    image_open(fs->store, &n->descriptor, &fs->platform, IMAGE_LOCAL, &i, NULL) == 0;

	digest_hex(known ? &i->manifest->config.digest : &n->descriptor.digest, hex);
	hex[DIGEST_ID_DIGITS] = '\0';
	return hex;
}

static bool among(const struct name *const *names, size_t count, const struct name *n)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i]->reference, n->reference))
			return true;
	return false;
}

/* True where the image keeps a name when these go. */
static bool stays(const struct names *all, const struct name *const *names, size_t count,
		  const struct digest *digest)
{
	for (size_t i = 0; i < names_count(all); i++) {
		const struct name *n = names_at(all, i);

		if (digest_equal(&n->descriptor.digest, digest) && !among(names, count, n))
			return true;
	}
	return false;
}

/* Of names that go together, the first that has this one's digest? */
static bool is_first(const struct name *const *names, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (digest_equal(&names[i]->descriptor.digest, &names[at]->descriptor.digest))
			return false;
	return true;
}

/* Also where it is forced, so that the kernel lets go of what it only remembers. */
static int check_use(struct fs *fs, const struct names *all, const struct name *const *names,
		     size_t count, const struct removal *how, struct err *err)
{
	char hex[DIGEST_HEX_MAX];

	for (size_t i = 0; i < count; i++) {
		const struct digest *d = &names[i]->descriptor.digest;

		int used = is_first(names, i) && !stays(all, names, count, d)
			       ? in_use(fs, d, how->locked, err)
			       : 0;

		if (used < 0)
			return used;
		if (used && !how->force)
			return err_set(err, EBUSY,
				       "conflict: unable to delete %s (must be forced) - image is "
				       "being used: files of it are open",
				       short_id(fs, names[i], hex));
	}
	return 0;
}

static int naming_put_lines(const struct name *const *names, const struct names_change *changes,
			    size_t count, const struct names *before, struct buf *answer,
			    struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		autoref ref = REF_INIT;
		autofree char *familiar = NULL;

		if (!changes[i].done || names[i]->dangling)
			continue;
		if (ref_parse(names[i]->reference, &ref, NULL) == 0)
			familiar = ref_familiar(&ref);
		buf_printf(answer, "Untagged: %s\n", familiar ? familiar : names[i]->reference);
	}
	for (size_t i = 0; i < count; i++) {
		const struct digest *d = &names[i]->descriptor.digest;

		if (changes[i].done && is_first(names, i) && !stays(before, names, count, d))
			buf_printf(answer, "Deleted: %s\n", digest_text(d, text));
	}
	return buf_failed(answer) ? err_nomem(err) : 0;
}

static int naming_remove_names(struct fs *fs, const struct name *const *names, size_t count,
			       const struct removal *how, struct buf *answer, struct err *err)
{
	AUTO(names_put) struct names *all = NULL;
	autofree struct names_change *changes = calloc(count, sizeof(*changes));
	struct gc gc = {.names = changes, .count = count, .only_names = how->only_names};
	int r = changes ? names_get(fs->store, &all, err) : err_nomem(err);

	if (!r)
		r = check_use(fs, all, names, count, how, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		changes[i] = (struct names_change){.reference = names[i]->reference,
						   .only = &names[i]->descriptor.digest};
	r = gc_run(fs->store, &gc, err);
	return r < 0 ? r : naming_put_lines(names, changes, count, all, answer, err);
}

/* Bytes of a full reference's repository, which no other one's has in front of a ':' or '@'. */
static size_t repository_len(const char *reference)
{
	const char *slash = strrchr(reference, '/');
	const char *path = slash ? slash : reference;

	return (size_t)(path - reference) + strcspn(path, ":@");
}

static bool same_repository(const struct name *a, const struct name *b)
{
	size_t len = repository_len(a->reference);

	return len == repository_len(b->reference) && !memcmp(a->reference, b->reference, len);
}

/* By its ID an image goes where it has names of one repository, and one tag alone. */
static int check_id(struct fs *fs, const struct resolved *found, struct err *err)
{
	char hex[DIGEST_HEX_MAX];
	size_t tags = 0;
	bool one = true;

	for (size_t i = 0; i < found->count; i++) {
		tags += !strchr(found->list[i]->reference, '@');
		one = one && same_repository(found->list[0], found->list[i]);
	}
	if (tags <= 1 && one)
		return 0;
	return err_set(err, EBUSY,
		       "conflict: unable to delete %s (must be forced) - image is referenced in "
		       "multiple repositories",
		       short_id(fs, found->list[0], hex));
}

int naming_remove(struct fs *fs, const char *word, const struct removal *how, struct buf *answer,
		  struct err *err)
{
	autoresolved found = {0};
	int r;

	if (!word[strspn(word, " \t")])
		return err_set(err, EINVAL, "image name cannot be blank");
	r = resolve(fs->store, &fs->platform, word, &found, err);
	if (!r && found.by_id && !how->force)
		r = check_id(fs, &found, err);
	return r < 0 ? r : naming_remove_names(fs, found.list, found.count, how, answer, err);
}

int naming_sweep(struct fs *fs, struct err *err)
{
	struct gc gc = {0};

	return gc_run(fs->store, &gc, err);
}

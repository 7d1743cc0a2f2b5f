/* SPDX-License-Identifier: MIT */
#include "fs/ctl/saved.h"

#include "fs/docker/resolve.h"
#include "store/base/mem.h"
#include "store/oci/ref.h"

#include <errno.h>
#include <string.h>

void saved_clear(struct saved *s)
{
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; k < s->images[i].count; k++)
			free(s->images[i].references[k]);
		free(s->images[i].references);
		for (size_t k = 0; k < s->images[i].named_count; k++)
			descriptor_clear(&s->images[i].named[k]);
		free(s->images[i].named);
		repo_image_put(s->images[i].image);
	}
	free(s->images);
	*s = (struct saved){0};
}

static struct vn_save_image *saved_of(struct saved *s, const struct digest *digest,
				      const struct digest *named)
{
	for (size_t i = 0; i < s->count; i++) {
		struct vn_save_image *of = &s->images[i];

		if (digest_equal(&repo_image_ref(of->image)->digest, digest) &&
		    digest_equal(&of->named[0].digest, named))
			return of;
	}
	return NULL;
}

static int name_by(struct vn_save_image *of, const struct descriptor *named, size_t count,
		   struct err *err)
{
	int r = 0;

	of->named = calloc(count, sizeof(*of->named));
	if (!of->named)
		return err_nomem(err);
	for (; !r && of->named_count < count; of->named_count++)
		r = descriptor_copy(&of->named[of->named_count], &named[of->named_count], err);
	return r;
}

/* The image of a repository; one more, unless it is there. It goes under the index that was asked for, or
 * alone. */
static int saved_image(struct fs *fs, struct saved *s, const struct ref *repository,
		       const struct image *image, bool with_index, struct vn_save_image **out,
		       struct err *err)
{
	const struct digest *digest = &image->descriptor.digest;
	bool is_in_one = with_index && image->index_count > 0;
	const struct descriptor *named = is_in_one ? image->indexes : &image->descriptor;
	struct vn_save_image *grown;
	int r;

	*out = saved_of(s, digest, &named->digest);
	if (*out)
		return 0;
	grown = reallocarray(s->images, s->count + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	s->images = grown;
	*out = &grown[s->count++];
	**out = (struct vn_save_image){0};
	r = repo_image_open(fs, repository, digest, &(*out)->image, err);
	if (!r)
		r = repo_image_load(fs, (*out)->image, err);
	return r ? r : name_by(*out, named, is_in_one ? image->index_count : 1, err);
}

static int saved_reference(struct vn_save_image *of, const char *reference, struct err *err)
{
	char **grown;

	for (size_t i = 0; i < of->count; i++)
		if (!strcmp(of->references[i], reference))
			return 0;
	grown = reallocarray(of->references, of->count + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	of->references = grown;
	grown[of->count] = strdup(reference);
	if (!grown[of->count])
		return err_nomem(err);
	of->count++;
	return 0;
}

/* What the words beside the names say. */
struct saved_wishes {
	const char *platform;
	bool index; /* names keep the index that they name */
};

/* An image by a word, under the name that it is in the store, or under none. Its digest is that of
 * the platform's manifest, of which an archive has one. */
static int saved_add(struct fs *fs, struct saved *s, const char *word, const struct saved_wishes *w,
		     const char *name, bool named, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	AUTO(image_close) struct image *image = NULL;
	struct vn_save_image *of;
	autoref ref = REF_INIT;
	int r = resolve_image(fs->store, &fs->platform, word, w->platform, &names, &image, err);

	if (!r)
		r = ref_parse(name, &ref, err);
	if (!r)
		r = saved_image(fs, s, &ref, image, w->index, &of, err);
	return r || !named ? r : saved_reference(of, name, err);
}

/* Neither a tag nor a digest. */
static bool is_bare(const char *word)
{
	const char *slash = strrchr(word, '/');

	return !strpbrk(slash ? slash : word, ":@");
}

/* NAME is all its tags. */
static int saved_add_tags(struct fs *fs, struct saved *s, const char *word,
			  const struct saved_wishes *w, const struct names *names, size_t *added,
			  struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *repository = NULL;
	size_t len;
	int r = 0;

	if (ref_parse_repository(word, &ref, NULL) < 0)
		return 0;
	repository = ref_repository(&ref);
	if (!repository)
		return err_nomem(err);
	len = strlen(repository);
	for (size_t i = names_lower_bound(names, repository); !r && i < names_count(names); i++) {
		const char *name = names_at(names, i)->reference;

		if (strncmp(name, repository, len) != 0)
			break;
		if (name[len] != ':')
			continue;
		r = saved_add(fs, s, name, w, name, true, err);
		*added += 1;
	}
	return r;
}

static int saved_add_word(struct fs *fs, struct saved *s, const char *word,
			  const struct saved_wishes *w, struct err *err)
{
	autoresolved found = {0};
	AUTO(names_put) struct names *names = NULL;
	autoref ref = REF_INIT;
	size_t tags = 0;
	int r = names_get(fs->store, &names, err);

	if (!r && is_bare(word))
		r = saved_add_tags(fs, s, word, w, names, &tags, err);
	if (r || tags)
		return r;
	r = resolve(fs->store, &fs->platform, word, &found, err);
	if (r)
		return r;
	/* name:tag@digest is saved by its digest */
	return saved_add(fs, s, word, w, found.list[0]->reference,
			 !found.by_id && ref_parse(word, &ref, NULL) == 0 && !ref.has_digest, err);
}

int saved_find(struct fs *fs, const struct words *args, struct saved *out, struct err *err)
{
	struct saved_wishes w = {0};
	const struct args_option options[] = {
	    {.name = "platform", .value = &w.platform}, {.name = "index", .flag = &w.index}, {0}};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("save", &operands, 1, SIZE_MAX, err);
	for (size_t i = 0; !r && i < operands.count; i++)
		r = saved_add_word(fs, out, operands.at[i], &w, err);
	return r;
}

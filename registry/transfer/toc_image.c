/* SPDX-License-Identifier: MIT */
#include "registry/transfer/toc_image.h"

#include "store/disk/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_SUFFIX   "-esgztoc"
#define TAGS_MAX     8 /* of one image; others are not tried */
#define LAYER_DIGEST "containerd.io/snapshot/stargz/layer.digest"

struct toc_image {
	struct ref image;
	pthread_mutex_t lock; /* of what follows; held while the registry is asked */
	bool asked;
	struct manifest *found[TAGS_MAX]; /* owned */
	size_t count;
};

int toc_image_open(const struct ref *image, struct toc_image **out, struct err *err)
{
	struct toc_image *x = calloc(1, sizeof(*x));

	if (!x || ref_copy(&x->image, image, err) < 0) {
		free(x);
		return err_nomem(err);
	}
	pthread_mutex_init(&x->lock, NULL);
	*out = x;
	return 0;
}

static void forget_found(struct toc_image *x)
{
	while (x->count > 0)
		manifest_free(x->found[--x->count]);
}

void toc_image_close(struct toc_image *x)
{
	if (!x)
		return;
	forget_found(x);
	pthread_mutex_destroy(&x->lock);
	ref_clear(&x->image);
	free(x);
}

/* What a tag leads to is no table then. A registry that cannot be asked is another matter. */
static bool is_none(int r)
{
	return r == -ENOENT || r == -EACCES || r == -EBADMSG || r == -EPROTO || r == -EOPNOTSUPP ||
	       r == -EINVAL;
}

/* `name`: a full reference of the image that the tables are for. */
static int ask_beside(struct toc_image *x, const struct transfer *t, const char *name,
		      struct err *err)
{
	struct manifest_answer a = {0};
	autofree char *text = NULL;
	autoref ref = REF_INIT;
	int r;

	if (asprintf(&text, "%s" TAG_SUFFIX, name) < 0)
		return err_nomem(err);
	r = ref_parse(text, &ref, err);
	if (!r)
		r = registry_manifest(t->registry, &ref, t->cancel, &a, err);
	if (!r)
		r = manifest_parse(a.body.data, a.body.len, a.content_type, &x->found[x->count],
				   err);
	if (!r)
		x->count++;
	registry_manifest_clear(&a);
	return is_none(r) ? 0 : r;
}

static int ask_beside_all(struct toc_image *x, const struct transfer *t, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *repository = ref_repository(&x->image), *prefix = NULL;
	int r = names_get(t->store, &names, err);

	if (r)
		return r;
	if (!repository || asprintf(&prefix, "%s:", repository) < 0)
		return err_nomem(err);
	for (size_t i = names_lower_bound(names, prefix);
	     !r && i < names_count(names) && x->count < TAGS_MAX; i++) {
		const struct name *n = names_at(names, i);

		if (strncmp(n->reference, prefix, strlen(prefix)) != 0)
			break;
		if (digest_equal(&n->descriptor.digest, &x->image.digest))
			r = ask_beside(x, t, n->reference, err);
	}
	return r;
}

static const struct descriptor *find_table(const struct toc_image *x, const struct digest *layer)
{
	char wanted[DIGEST_TEXT_MAX];

	digest_text(layer, wanted);
	for (size_t i = 0; i < x->count; i++)
		for (size_t l = 0; l < x->found[i]->layer_count; l++) {
			const struct descriptor *d = &x->found[i]->layers[l];
			const char *is = json_string(d->annotations, LAYER_DIGEST);

			if (is && strcmp(is, wanted) == 0)
				return d;
		}
	return NULL;
}

int toc_image_find(struct toc_image *x, const struct transfer *t, const struct digest *layer,
		   const struct descriptor **out, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&x->lock);
	if (!x->asked)
		r = ask_beside_all(x, t, err);
	if (r)
		forget_found(x); /* the next one asks for all of them */
	else
		x->asked = true;
	*out = r ? NULL : find_table(x, layer);
	pthread_mutex_unlock(&x->lock);
	if (!r && !*out)
		r = err_set(err, EOPNOTSUPP,
			    "eStargz: no image has the table of contents (no tag of this one "
			    "with " TAG_SUFFIX " behind it leads to it)");
	return r;
}

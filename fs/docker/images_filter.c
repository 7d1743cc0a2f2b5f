/* SPDX-License-Identifier: MIT */
#include "fs/docker/images_filter.h"

#include "fs/docker/filter.h"
#include "fs/docker/glob.h"
#include "fs/docker/resolve.h"
#include "store/images/image_facts.h"

#include <errno.h>
#include <string.h>

void images_filter_clear(struct images_filter *f)
{
	words_clear(&f->references);
	words_clear(&f->labels);
	words_clear(&f->without);
}

int images_filter_pattern(struct images_filter *f, const char *pattern, struct err *err)
{
	if (!glob_valid(pattern))
		return err_set(err, EINVAL, "syntax error in pattern");
	return words_add(&f->references, pattern, strlen(pattern), err);
}

/* When the image was made that before= or since= names. */
static int created_of(struct store *s, const struct platform *wish, const char *word, int64_t *out,
		      struct err *err)
{
	autoresolved found = {0};
	struct image_facts facts = {0};
	int r = resolve(s, wish, word, &found, err);

	if (!r)
		r = image_facts(s, &found.list[0]->descriptor, wish, &facts, err);
	*out = facts.created;
	return r;
}

/* The earliest of several. */
static void narrow_before(struct images_filter *f, int64_t time)
{
	if (!f->has_before || time < f->before)
		f->before = time;
	f->has_before = true;
}

int images_filter_add(struct images_filter *f, struct store *s, const struct platform *wish,
		      const char *text, int64_t now, struct err *err)
{
	autofilter one = {0};
	int64_t time;
	int r = filter_parse(text, &one, err);

	if (r)
		return r;
	if (!strcmp(one.key, "reference"))
		return images_filter_pattern(f, one.value, err);
	if (!strcmp(one.key, "label"))
		return words_add(&f->labels, one.value, strlen(one.value), err);
	if (!strcmp(one.key, "label!"))
		return words_add(&f->without, one.value, strlen(one.value), err);
	if (!strcmp(one.key, "dangling")) {
		f->has_dangling = true;
		return filter_bool(&one, &f->dangling, err);
	}
	if (!strcmp(one.key, "until") || !strcmp(one.key, "before")) {
		r = *one.key == 'u' ? filter_time(&one, (time_t)now, &time, err)
				    : created_of(s, wish, one.value, &time, err);
		if (!r)
			narrow_before(f, time);
		return r;
	}
	if (strcmp(one.key, "since") != 0)
		return filter_unknown(&one, err);
	r = created_of(s, wish, one.value, &time, err);
	if (!r && (!f->has_since || time > f->since))
		f->since = time;
	f->has_since = true;
	return r;
}

/* docker tries a pattern on the short and the full form, with and without the tag. */
static int match_forms(const struct words *patterns, const struct ref *r, struct err *err)
{
	autofree char *familiar = ref_familiar(r);
	autofree char *familiar_repository = ref_familiar_repository(r);
	autofree char *full = ref_full(r);
	autofree char *repository = ref_repository(r);
	const char *const forms[] = {familiar, familiar_repository, full, repository};

	if (!familiar || !familiar_repository || !full || !repository)
		return err_nomem(err);
	for (size_t i = 0; i < patterns->count; i++)
		for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++)
			if (glob_match(patterns->at[i], forms[k]))
				return true;
	return false;
}

int images_filter_name(const struct images_filter *f, const struct name *n, const struct ref *r,
		       struct err *err)
{
	if (f->has_dangling && f->dangling != n->dangling)
		return false;
	if (!f->references.count)
		return true;
	return n->dangling ? false : match_forms(&f->references, r, err);
}

bool images_filter_created(const struct images_filter *f, const int64_t *created)
{
	if (f->has_before && (!created || *created >= f->before))
		return false;
	return !f->has_since || (created && *created > f->since);
}

int images_filter_labels(const struct images_filter *f, struct store *s,
			 const struct descriptor *image, const struct platform *wish,
			 struct err *err)
{
	AUTO(image_close) struct image *i = NULL;
	const struct json_object *config;
	int r;

	if (!f->labels.count && !f->without.count)
		return true;
	r = image_open(s, image, wish, IMAGE_LOCAL, &i, err);
	if (r == -ENOMEM)
		return r;
	config = r ? NULL : i->config->doc;
	for (size_t k = 0; k < f->labels.count; k++)
		if (!config || !filter_label(config, f->labels.at[k]))
			return false;
	for (size_t k = 0; k < f->without.count; k++)
		if (config && filter_label(config, f->without.at[k]))
			return false;
	return true;
}

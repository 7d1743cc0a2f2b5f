/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer_verb.h"
#include "fs/ctl/verb.h"

#include "registry/transfer/push.h"
#include "store/disk/names.h"

#include <errno.h>
#include <string.h>

/* What a push begins with, also where there is nothing to push. */
static void tell_repository(const struct transfer_verb *v, const struct ref *ref)
{
	autofree char *repository = ref_repository(ref);

	if (repository)
		transfer_line(&v->transfer, "The push refers to repository [%s]", repository);
}

static int push_tag(const struct transfer_verb *v, const struct names *names, const struct ref *ref,
		    struct err *err)
{
	autofree char *full = ref_full(ref), *familiar = ref_familiar(ref);
	const struct name *found;

	if (ref->has_digest)
		return err_set(err, EINVAL, "cannot push a digest reference");
	if (!full || !familiar)
		return err_nomem(err);
	found = names_find(names, full);
	if (!found)
		tell_repository(v, ref);
	if (!found)
		return err_set(err, ENOENT, "tag does not exist: %s", familiar);
	return push_image(&v->transfer, ref, &found->descriptor, v->wish != NULL, err);
}

/* Every tag of the repository that the store has. */
static int push_all(const struct transfer_verb *v, const struct names *names,
		    const struct ref *repository, struct err *err)
{
	autofree char *name = ref_repository(repository);
	autofree char *familiar = ref_familiar_repository(repository);
	size_t len, pushed = 0;
	int r = 0;

	if (!name || !familiar)
		return err_nomem(err);
	len = strlen(name);
	for (size_t i = 0; !r && i < names_count(names); i++) {
		const char *reference = names_at(names, i)->reference;
		autoref ref = REF_INIT;

		if (strncmp(reference, name, len) != 0 || reference[len] != ':')
			continue;
		r = ref_parse(reference, &ref, err);
		if (!r)
			r = push_tag(v, names, &ref, err);
		pushed++;
	}
	if (!r && !pushed)
		tell_repository(v, repository);
	if (!r && !pushed)
		return err_set(err, ENOENT, "An image does not exist locally with the tag: %s",
			       familiar);
	return r;
}

static int verb_push_run(const struct transfer_verb *v, const struct ref *ref, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	int r = names_get(v->transfer.store, &names, err);

	if (r)
		return r;
	return v->all ? push_all(v, names, ref, err) : push_tag(v, names, ref, err);
}

int verb_push(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err)
{
	return transfer_verb("push", fs, j, args, answer, verb_push_run, err);
}

/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer_verb.h"
#include "fs/ctl/verb.h"

#include "registry/transfer/pull.h"
#include "registry/transfer/push_soci.h"
#include "store/disk/names.h"

#include <errno.h>

/* What the store has by that name; else what the registry has, as a pull. */
static int find_image(const struct transfer_verb *v, const struct ref *ref, struct descriptor *top,
		      struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	autofree char *full = ref_full(ref);
	const struct name *found;
	int r = full ? names_get(v->transfer.store, &names, err) : err_nomem(err);

	if (r)
		return r;
	found = names_find(names, full);
	return found ? descriptor_copy(top, &found->descriptor, err)
		     : pull_manifest(&v->transfer, ref, top, err);
}

static int verb_index_run(const struct transfer_verb *v, const struct ref *ref, struct err *err)
{
	struct descriptor top = {0};
	int r = v->all ? err_set(err, EINVAL, "unknown flag: --all-tags")
		       : find_image(v, ref, &top, err);

	if (!r)
		r = push_soci(&v->transfer, ref, &top, err);
	descriptor_clear(&top);
	return r;
}

int verb_index(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	       struct err *err)
{
	return transfer_verb("index", fs, j, args, answer, verb_index_run, err);
}

/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer.h"
#include "fs/ctl/verb.h"

#include "registry/transfer/push.h"
#include "store/disk/names.h"

#include <errno.h>
#include <string.h>

/* What the reference names in the store. */
static int verb_push_find(const struct names *names, const struct ref *ref, const struct name **out,
			  struct err *err)
{
	autofree char *full = ref_full(ref), *familiar = ref_familiar(ref);

	if (!full || !familiar)
		return err_nomem(err);
	*out = names_find(names, full);
	return *out ? 0 : err_set(err, ENOENT, "tag does not exist: %s", familiar);
}

static int push_tag(const struct push *p, const char *name, const struct names *names,
		    struct transfer *o, struct err *err)
{
	autoref ref = REF_INIT;
	const struct name *found;
	int r = ref_parse(name, &ref, err);

	if (!r && ref.has_digest)
		r = err_set(err, EINVAL, "cannot push a digest reference");
	if (r < 0)
		return r;
	if (!transfer_names_a_tag(name))
		transfer_line(o, "Using default tag: latest");
	r = verb_push_find(names, &ref, &found, err);
	return r ? r : push_image(p, &ref, &found->descriptor, err);
}

/* Every tag of the repository that the store has. */
static int push_all(const struct push *p, const char *name, const struct names *names,
		    struct transfer *o, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *repository = NULL, *familiar = NULL;
	size_t len, pushed = 0;
	int r;

	if (ref_parse_repository(name, &ref, NULL) < 0)
		return err_set(err, EINVAL, "tag can't be used with --all-tags/-a");
	repository = ref_repository(&ref);
	familiar = ref_familiar_repository(&ref);
	if (!repository || !familiar)
		return err_nomem(err);
	len = strlen(repository);
	r = 0;
	for (size_t i = 0; !r && i < names_count(names); i++) {
		const char *reference = names_at(names, i)->reference;

		if (strncmp(reference, repository, len) != 0 || reference[len] != ':')
			continue;
		r = push_tag(p, reference, names, o, err);
		pushed++;
	}
	if (!r && !pushed)
		return err_set(err, ENOENT, "An image does not exist locally with the tag: %s",
			       familiar);
	return r;
}

static int push_operand(struct push *p, const char *name, bool all, struct transfer *o,
			struct err *err)
{
	AUTO(lease_close) struct lease *lease = NULL;
	AUTO(names_put) struct names *names = NULL;
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = lease_open(p->pull.store, &lease, err);

	p->pull.lease = lease;
	if (!r)
		r = names_get(p->pull.store, &names, err);
	if (!r)
		r = all ? push_all(p, name, names, o, err) : push_tag(p, name, names, o, err);
	if (r || !o->quiet || ref_parse(name, &ref, NULL) < 0)
		return r;
	full = all ? ref_repository(&ref) : ref_full(&ref);
	buf_printf(o->answer, "%s\n", full ? full : "");
	return 0;
}

int verb_push(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err)
{
	bool all = false, quiet = false;
	const char *wish = NULL;
	const struct args_option options[] = {
	    {.name = "all-tags", .letter = 'a', .flag = &all},
	    {.name = "quiet", .letter = 'q', .flag = &quiet},
	    {.name = "platform", .value = &wish},
	    {0},
	};
	autowords operands = WORDS_INIT;
	struct platform platform = fs->platform;
	struct transfer output = {.job = j, .answer = answer};
	struct pull_watch watch = transfer_watch(&output);
	struct push p = {.pull = {.registry = fs->registry,
				  .store = fs->store,
				  .platform = &platform,
				  .cancel = job_cancel(j),
				  .watch = &watch}};
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("push", &operands, 1, 1, err);
	if (!r && wish)
		r = platform_parse(wish, &platform, err);
	output.quiet = quiet;
	p.one_platform = wish != NULL;
	return r ? r : push_operand(&p, operands.at[0], all, &output, err);
}

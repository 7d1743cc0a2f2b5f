/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer.h"
#include "fs/ctl/verb.h"

#include "registry/transfer/pull.h"

#include <errno.h>
#include <string.h>

static int pull_operand(const struct pull *p, const char *name, bool all, struct transfer *o,
			struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = all ? ref_parse_repository(name, &ref, NULL) : ref_parse(name, &ref, err);

	if (r < 0)
		return all ? err_set(err, EINVAL, "tag can't be used with --all-tags/-a") : r;
	if (!all && !strchr(name, '@') && !transfer_names_a_tag(name))
		transfer_line(o, "Using default tag: latest");
	r = all ? pull_all_tags(p, &ref, err) : pull_image(p, &ref, err);
	if (r < 0 || !o->quiet)
		return r;
	full = all ? ref_repository(&ref) : ref_full(&ref);
	buf_printf(o->answer, "%s\n", full ? full : "");
	return 0;
}

int verb_pull(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
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
	struct words operands = WORDS_INIT;
	struct platform platform = fs->platform;
	struct transfer output = {.job = j, .answer = answer};
	struct pull_watch watch = transfer_watch(&output);
	AUTO(lease_close) struct lease *lease = NULL;
	struct pull p = {fs->registry, fs->store, &platform, job_cancel(j), &watch, NULL};
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("pull", &operands, 1, 1, err);
	if (!r && wish)
		r = platform_parse(wish, &platform, err);
	output.quiet = quiet;
	if (!r)
		r = lease_open(fs->store, &lease, err);
	p.lease = lease;
	if (!r)
		r = pull_operand(&p, operands.at[0], all, &output, err);
	words_clear(&operands);
	return r;
}

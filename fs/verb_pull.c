/* SPDX-License-Identifier: MIT */
#include "fs/verb.h"

#include "registry/pull.h"

#include <errno.h>
#include <string.h>

/* One pull's output: docker's lines for the answer, bytes for ctl/jobs. */
struct output {
	struct job *job;
	struct buf *answer;
	bool quiet;
};

static void on_line(void *arg, const char *line)
{
	struct output *o = arg;

	if (!o->quiet)
		buf_printf(o->answer, "%s\n", line);
}

static void on_bytes(void *arg, uint64_t done, uint64_t total)
{
	job_progress(((struct output *)arg)->job, done, total);
}

static int pull_one(struct pull *p, const struct ref *ref, struct output *o, struct err *err)
{
	int r = pull_image(p, ref, err);

	if (!r && o->quiet) {
		autofree char *full = ref_full(ref);

		buf_printf(o->answer, "%s\n", full ? full : "");
	}
	return r;
}


static int add_tag(void *arg, const char *tag, struct err *err)
{
	return words_add(arg, tag, strlen(tag), err);
}

static int pull_all(struct pull *p, const char *name, struct output *o, struct err *err)
{
	struct words tags = WORDS_INIT;
	autoref repository = REF_INIT;
	int r = ref_parse_repository(name, &repository, NULL);

	if (r < 0)
		return err_set(err, EINVAL, "tag can't be used with --all-tags/-a");
	r = registry_tags(p->registry, &repository, p->cancel, add_tag, &tags, err);
	for (size_t i = 0; !r && i < tags.count; i++) {
		autoref ref = REF_INIT;

		r = ref_copy(&ref, &repository, err);
		if (!r) {
			ref.tag = tags.at[i];
			r = pull_one(p, &ref, o, err);
			ref.tag = NULL;
		}
	}
	words_clear(&tags);
	return r;
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
	struct output output = {.job = j, .answer = answer};
	struct pull_watch watch = {&output, on_line, on_bytes};
	struct pull p = {fs->registry, fs->store, &platform, job_cancel(j), &watch};
	autoref ref = REF_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("pull", &operands, 1, 1, err);
	if (!r && wish)
		r = platform_parse(wish, &platform, err);
	output.quiet = quiet;
	if (!r && all)
		r = pull_all(&p, operands.at[0], &output, err);
	else if (!r)
		r = ref_parse(operands.at[0], &ref, err);
	if (!r && !all)
		r = pull_one(&p, &ref, &output, err);
	words_clear(&operands);
	return r;
}

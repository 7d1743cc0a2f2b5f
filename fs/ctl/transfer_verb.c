/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer_verb.h"

#include <errno.h>
#include <string.h>

static void transfer_verb_on_line(void *arg, const char *line)
{
	struct transfer_verb *v = arg;

	if (v->quiet)
		return;
	buf_printf(v->answer, "%s\n", line);
	board_line(job_board(v->job), line);
}

static void transfer_verb_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	job_progress(((struct transfer_verb *)arg)->job, done, total);
}

static void transfer_verb_on_blob(void *arg, const struct digest *digest, uint64_t done,
				  uint64_t total)
{
	struct transfer_verb *v = arg;

	if (!v->quiet)
		board_blob(job_board(v->job), digest, done, total);
}

/* A digest, or a colon behind the last slash. */
static bool names_one(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strchr(name, '@') || strchr(slash ? slash : name, ':');
}

static int transfer_verb_parse(struct transfer_verb *v, const char *verb, const struct words *args,
			       struct words *operands, struct err *err)
{
	bool trust = false; /* an option of docker's past: nothing is verified by Notary */
	const struct args_option options[] = {
	    {.name = "disable-content-trust", .flag = &trust},
	    {.name = "all-tags", .letter = 'a', .flag = &v->all},
	    {.name = "quiet", .letter = 'q', .flag = &v->quiet},
	    {.name = "platform", .value = &v->wish},
	    {0},
	};
	int r = args_parse(args, options, operands, err);

	if (!r)
		r = args_count(verb, operands, 1, 1, err);
	return r || !v->wish ? r : platform_parse(v->wish, &v->platform, err);
}

static int parse_operand(const struct transfer_verb *v, const char *name, struct ref *ref,
			 struct err *err)
{
	int r = v->all ? ref_parse_repository(name, ref, NULL) : ref_parse(name, ref, err);

	if (r < 0)
		return v->all ? err_set(err, EINVAL, "tag can't be used with --all-tags/-a") : r;
	if (!v->all && !names_one(name))
		transfer_line(&v->transfer, "Using default tag: latest");
	return 0;
}

int transfer_verb(const char *verb, struct fs *fs, struct job *j, const struct words *args,
		  struct buf *answer,
		  int (*run)(const struct transfer_verb *v, const struct ref *ref, struct err *err),
		  struct err *err)
{
	struct transfer_verb v = {.job = j, .answer = answer, .platform = fs->platform};
	AUTO(lease_close) struct lease *lease = NULL;
	autowords operands = WORDS_INIT;
	autofree char *full = NULL;
	autoref ref = REF_INIT;
	int r = transfer_verb_parse(&v, verb, args, &operands, err);

	if (!r)
		r = lease_open(fs->store, &lease, err);
	v.watch = (struct transfer_watch){&v, transfer_verb_on_line, transfer_verb_on_bytes,
					  transfer_verb_on_blob};
	v.transfer = (struct transfer){fs->registry, fs->store, &v.platform, job_cancel(j),
				       &v.watch,     lease,	NULL};
	if (!r)
		r = parse_operand(&v, operands.at[0], &ref, err);
	if (!r)
		r = run(&v, &ref, err);
	if (r < 0 || !v.quiet)
		return r;
	full = v.all ? ref_repository(&ref) : ref_full(&ref);
	buf_printf(answer, "%s\n", full ? full : "");
	return 0;
}

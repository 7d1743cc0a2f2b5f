/* SPDX-License-Identifier: MIT */
/* ctl/jobs: all of them; "jobs?TOKEN [FROM]" is one request under way, by the token that it was
 * made with (porcelain.h), from its line FROM on. Of one that is over there is nothing. */
#include "fs/ctl/verb.h"

#include "fs/core/job_table.h"

#include <stdlib.h>
#include <string.h>

struct jobs_look {
	const char *token;
	size_t from;
	struct buf *out;
};

static void look_at_board(void *arg, const struct job_view *v)
{
	const struct jobs_look *look = arg;

	if (v->board && !strcmp(v->board->token, look->token))
		board_print(v->board, look->from, look->out);
}

static void print_request(struct fs *fs, const char *token, const char *from, struct buf *out)
{
	struct jobs_look look = {token, from ? strtoul(from, NULL, 10) : 0, out};

	if (*token)
		jobs_each(fs->jobs, look_at_board, &look);
}

int verb_jobs(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err)
{
	const struct args_option none[] = {{0}};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, none, &operands, err);

	(void)j;
	if (!r)
		r = args_count("jobs", &operands, 0, 2, err);
	if (r)
		return r;
	if (operands.count)
		print_request(fs, operands.at[0], operands.count > 1 ? operands.at[1] : NULL, out);
	else
		job_table_print(fs->jobs, out);
	return 0;
}

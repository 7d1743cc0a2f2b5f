/* SPDX-License-Identifier: MIT */
/* ctl/logout. */
#include "fs/ctl/verb.h"

#include "registry/api/login.h"

int verb_logout(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err)
{
	const struct args_option none[] = {{0}};
	autowords operands = WORDS_INIT;
	autofree char *shown = NULL;
	const char *server;
	int r = args_parse(args, none, &operands, err);

	if (!r)
		r = args_count("logout", &operands, 0, 1, err);
	server = operands.count ? operands.at[0] : NULL;
	if (!r)
		r = login_server(server, &shown, err);
	if (!r)
		r = logout(fs->registry, server, job_cancel(j), err);
	if (!r)
		buf_printf(answer, "Removing login credentials for %s\n", shown);
	return r;
}

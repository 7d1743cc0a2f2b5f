/* SPDX-License-Identifier: MIT */
/* ctl/: which kind of file a name is. What a file does, its kind says. */
#include "fs/ctl/vn_ctl.h"

#include "fs/core/outcomes.h"
#include "fs/ctl/ctl_name.h"
#include "fs/tree/vn.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

/* A verb that changes nothing and has its arguments, or needs none, is an answer; an archive is one
 * by its arguments alone. */
static int open_file_of(struct request *rq, const struct ctl_name *n, const char *path,
			struct vnode **out, struct err *err)
{
	const struct verb *verb = n->verb;

	if (verb_answers(verb) && (n->line || verb->bare))
		return vn_ctl_answer_new(rq, verb, path, n->line ? n->line : "", out, err);
	if (verb->kind == VERB_ARCHIVE && n->line)
		return vn_ctl_save_new(rq, path, n->line, out, err);
	if (verb->kind == VERB_LOG)
		*out = vn_ctl_log_new(rq, verb, path);
	else if (verb->kind == VERB_STREAM)
		*out = vn_ctl_stream_new(rq, verb, path);
	else
		*out = vn_ctl_talk_new(rq, verb, path);
	return *out ? 0 : err_nomem(err);
}

static int ctl_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		      struct err *err)
{
	const char *line = strchr(name, '?');
	struct vnode *v = NULL;
	struct ctl_name n;
	char path[VN_PATH_MAX];
	int r;

	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	r = ctl_name_parse(name, rq->owner, &n, err);
	if (!r)
		r = open_file_of(rq, &n, path, &v, err);
	/* To a verb that takes no arguments there, they may be somebody's password for login. */
	if (r < 0 && n.verb && line && rq->owner)
		outcomes_record(rq->fs, n.verb->name, verb_takes_line(n.verb) ? line + 1 : "", "",
				r, err);
	free(n.line);
	return r ? r : vnode_found(rq, v, out, err);
}

static int ctl_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	(void)rq;
	(void)dir;
	(void)err;
	for (size_t i = 0; i < verbs_count; i++)
		listing_add(out, verbs[i].name, DT_REG);
	return 0;
}

static const struct vnode_ops ctl_ops = {
    .mode = S_IFDIR | 0755,
    .lookup = ctl_lookup,
    .list = ctl_list,
};

struct vnode *vn_ctl_new(void)
{
	return vnode_new(&ctl_ops, sizeof(struct vnode), "ctl");
}

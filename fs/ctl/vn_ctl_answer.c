/* SPDX-License-Identifier: MIT */
/*
 * What a verb answers that changes nothing: the line behind "?" in the file's name, or a bare verb.
 *
 *     (lookup) ──▸ answer ──WRITE──▸ conversation
 *     (lookup) ──▸ not asked ──look──▸ answer ──WRITE──▸ conversation
 *                  not asked ──WRITE──▸ conversation
 *
 * A table is printed by the lookup, so that its errors are those of open(2). A question takes its
 * time. A job asks it at the first GETATTR or READ: not the LOOKUP, as that holds the lock of ctl/.
 * A job asks, too, for any other user than the owner (ctl_request_look), and what such users hold
 * open has a bound.
 *
 * An answer may be written to, as `images` takes requests, too: it is the snapshot that a talk
 * begins with (vn_ctl_talk.c). After a WRITE nothing is asked any more, and an answer that comes
 * then is dropped.
 */
#include "fs/ctl/vn_ctl.h"

#include "fs/core/fs.h"
#include "fs/ctl/ctl_request.h"
#include "fs/ctl/vn_ctl_talk.h"
#include "registry/wire/text.h"

#include <errno.h>
#include <string.h>

#define LENT_MAX (64u << 20) /* bytes of the answers that all other users together hold open */

struct vn_ctl_answer {
	struct vn_ctl_talk talk;
	size_t lent; /* its bytes of fs->lent; set by who publishes */
	char line[]; /* what is asked */
};

static const struct job_key asked = {.kind = "ctl-asked"};

/* What other users hold open takes memory for as long as they like. Takes the text. */
static int answer_publish(struct vn_ctl_answer *a, struct buf *text, struct err *err)
{
	struct ctl_file *f = &a->talk.file;
	size_t lent = f->owner ? 0 : text->len;

	if (buf_failed(text))
		return err_nomem(err);
	if (lent && atomic_fetch_add(&f->fs->lent, lent) + lent > LENT_MAX) {
		atomic_fetch_sub(&f->fs->lent, lent);
		return err_set(err, EDQUOT, "other users hold too much open");
	}
	if (ctl_file_publish(f, text))
		a->lent = lent;
	else
		atomic_fetch_sub(&f->fs->lent, lent);
	return 0;
}

static int answer_print(struct vn_ctl_answer *a, struct err *err)
{
	struct ctl_file *f = &a->talk.file;
	autowords args = WORDS_INIT;
	autobuf text = BUF_INIT;
	int r = words_split(a->line, &args, err);

	if (!r)
		r = f->verb->run(f->fs, NULL, &args, &text, err);
	text_make_harmless(&text, 0);
	return r ? r : answer_publish(a, &text, err);
}

/* Asks, unless there is a content already. */
static int answer_fill(struct request *rq, struct vn_ctl_answer *a, struct err *err)
{
	struct ctl_file *f = &a->talk.file;
	autobuf text = BUF_INIT;
	int r = 0;

	if (ctl_file_filled(f))
		return 0;
	if (!request_done(rq, &asked, &r, err))
		return f->owner
			   ? ctl_request_start(rq, &asked, f->verb, a->line, strlen(a->line), err)
			   : ctl_request_look(rq, &asked, f->verb, a->line, err);
	if (r < 0)
		return r;
	buf_append(&text, job_result(rq->ended)->data, job_result(rq->ended)->len);
	return answer_publish(a, &text, err);
}

/* A look by who may not read is none. */
static int answer_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_ctl_answer *a = (struct vn_ctl_answer *)v;
	int r = 0;

	if (!rq->lookup && ctl_file_may_read(&a->talk.file, NULL) == 0)
		r = answer_fill(rq, a, err);
	vn_ctl_talk_stat(&a->talk, st);
	return r;
}

static int answer_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		       struct buf *out, struct err *err)
{
	struct vn_ctl_answer *a = (struct vn_ctl_answer *)v;
	int r = ctl_file_may_read(&a->talk.file, err);

	if (!r)
		r = vn_ctl_talk_ask(rq, &a->talk, err);
	if (!r)
		r = answer_fill(rq, a, err);
	if (!r)
		ctl_file_copy(&a->talk.file, offset, len, out);
	return r;
}

static void answer_free(struct vnode *v)
{
	struct vn_ctl_answer *a = (struct vn_ctl_answer *)v;

	atomic_fetch_sub(&a->talk.file.fs->lent, a->lent);
	vn_ctl_talk_free(v);
}

static const struct vnode_ops answer_ops = {
    .mode = S_IFREG | 0600,
    .stat = answer_stat,
    .read = answer_read,
    .write = vn_ctl_talk_write,
    .free = answer_free,
};

int vn_ctl_answer_new(struct request *rq, const struct verb *verb, const char *path,
		      const char *line, struct vnode **out, struct err *err)
{
	struct vn_ctl_answer *a =
	    ctl_file_new(&answer_ops, sizeof(*a) + strlen(line) + 1, rq, verb, path);
	int r = 0;

	if (!a)
		return err_nomem(err);
	strcpy(a->line, line);
	if (verb->kind == VERB_TABLE && rq->owner)
		r = answer_print(a, err);
	if (r < 0)
		vnode_free(&a->talk.file.v);
	else
		*out = &a->talk.file.v;
	return r;
}

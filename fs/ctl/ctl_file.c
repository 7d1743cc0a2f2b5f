/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_file.h"

#include "fs/core/outcomes.h"

#include <errno.h>

void *ctl_file_new(const struct vnode_ops *ops, size_t size, struct request *rq,
		   const struct verb *verb, const char *path)
{
	struct ctl_file *f = vnode_new_own(ops, size, path);

	if (!f)
		return NULL;
	f->fs = rq->fs;
	f->verb = verb;
	f->owner = rq->owner;
	clock_gettime(CLOCK_REALTIME, &f->made);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void ctl_file_free(struct vnode *v)
{
	struct ctl_file *f = (struct ctl_file *)v;

	buf_free(&f->content);
	pthread_mutex_destroy(&f->lock);
}

int ctl_file_may_read(const struct ctl_file *f, struct err *err)
{
	if (verb_may_read(f->verb, f->owner))
		return 0;
	return err_set(err, EACCES, "%s is for the owner of the mount", f->verb->name);
}

int ctl_file_may_write(const struct request *rq, struct err *err)
{
	return rq->owner ? 0 : err_set(err, EACCES, "only the owner of the mount may write here");
}

void ctl_file_stat(const struct ctl_file *f, struct stat *st)
{
	st->st_mode |= f->verb->others ? 0044 : 0;
	st->st_mtim = f->made;
}

int ctl_file_fill_usage(struct ctl_file *f, struct err *err)
{
	autobuf text = BUF_INIT;

	if (ctl_file_filled(f) || !verb_may_read(f->verb, f->owner))
		return 0;
	buf_printf(&text, "usage: echo \"%s\" > %s\n       %s\n", f->verb->usage, f->verb->name,
		   f->verb->summary);
	if (f->owner)
		outcomes_print(f->fs->outcomes, f->verb->name, &text);
	if (buf_failed(&text))
		return err_nomem(err);
	ctl_file_publish(f, &text);
	return 0;
}

bool ctl_file_filled(struct ctl_file *f)
{
	bool filled;

	pthread_mutex_lock(&f->lock);
	filled = f->filled;
	pthread_mutex_unlock(&f->lock);
	return filled;
}

bool ctl_file_publish(struct ctl_file *f, struct buf *text)
{
	bool first;

	pthread_mutex_lock(&f->lock);
	first = !f->filled;
	if (first) {
		f->content = *text;
		*text = (struct buf)BUF_INIT;
		f->filled = true;
	}
	pthread_mutex_unlock(&f->lock);
	return first;
}

void ctl_file_copy(struct ctl_file *f, uint64_t offset, size_t len, struct buf *out)
{
	pthread_mutex_lock(&f->lock);
	buf_append_range(out, &f->content, offset, len);
	pthread_mutex_unlock(&f->lock);
}

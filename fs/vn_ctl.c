/* SPDX-License-Identifier: MIT */
/*
 * ctl/ and its files. As the kernel sends no OPEN, each lookup makes a fresh vnode,
 * which is that opener's own:
 *
 *  - a snapshot, made at the first GETATTR or READ: a verb's answer, or its usage and
 *    recent outcomes;
 *  - from its first write on a conversation: the bytes of each request, and behind them
 *    its answer. The descriptor that wrote stands at the end of its request, so what it
 *    reads next is the answer.
 *
 * A write is a job, on which it is parked; interrupting it cancels the job.
 */
#include "fs/vn.h"

#include "fs/events.h"
#include "fs/fs.h"
#include "fs/outcomes.h"
#include "fs/verb.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#define REQUEST_MAX 65536 /* bytes of one write */

struct vn_ctl {
	struct vnode v;
	const struct verb *verb;
	struct words args; /* of the file's name */
	struct timespec made;
	pthread_mutex_t lock;
	bool filled; /* under lock, with content */
	struct buf content;
};

static struct timespec time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

/* Makes the snapshot, under the lock. */
static int fill(struct fs *fs, struct vn_ctl *f, struct err *err)
{
	int r = 0;

	if (f->filled)
		return 0;
	if (f->verb->print) {
		r = f->verb->print(fs, &f->args, &f->content, err);
	} else {
		buf_printf(&f->content, "usage: echo \"%s\" > %s\n       %s\n", f->verb->usage,
			   f->verb->name, f->verb->summary);
		outcomes_print(fs->outcomes, f->verb->name, &f->content);
	}
	if (!r && buf_failed(&f->content))
		r = err_nomem(err);
	f->filled = r == 0;
	return r;
}

static int ctl_file_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;
	int r = 0;

	st->st_mtim = f->made;
	if (f->verb->grows) {
		st->st_size = (off_t)events_size(rq->fs->events);
		return 0;
	}
	pthread_mutex_lock(&f->lock);
	r = fill(rq->fs, f, err);
	st->st_size = (off_t)f->content.len;
	pthread_mutex_unlock(&f->lock);
	if (f->verb->run)
		st->st_mode = S_IFREG | 0600;
	return r;
}

static int ctl_file_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			 struct buf *out, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;
	int r;

	if (f->verb->grows)
		return events_read(rq->fs->events, offset, len, out, err);
	pthread_mutex_lock(&f->lock);
	r = fill(rq->fs, f, err);
	if (!r)
		buf_append_range(out, &f->content, offset, len);
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* The lines of one write, as a job. */
struct requests {
	struct fs *fs;
	const struct verb *verb;
	char *text; /* owned */
};

static void requests_free(void *arg)
{
	struct requests *q = arg;

	free(q->text);
	free(q);
}

static int run_line(struct requests *q, struct job *j, const char *line, struct err *err)
{
	struct words args = WORDS_INIT;
	autobuf answer = BUF_INIT;
	int r = words_split(line, &args, err);

	if (!r && args.count == 0) {
		words_clear(&args);
		return 0;
	}
	if (!r)
		r = q->verb->run(q->fs, j, &args, &answer, err);
	words_clear(&args);
	if (!r && buf_failed(&answer))
		r = err_nomem(err);
	if (r < 0)
		buf_printf(&answer, "%s\n", err->text);
	buf_append(job_result(j), answer.data, answer.len);
	outcomes_add(q->fs->outcomes, q->verb->name, line, answer.data, r, err);
	events_add(q->fs->events, q->verb->name, line, r, err);
	return r;
}

/* All lines are tried; the first failure is the write's. */
static int run_requests(struct job *j, void *arg, struct err *err)
{
	struct requests *q = arg;
	char *rest = q->text, *line;
	int first = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct err e = {0};
		size_t len = strlen(line);
		int r;

		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		r = run_line(q, j, line, &e);
		if (r < 0 && !first) {
			first = r;
			if (err)
				*err = e;
		}
	}
	return first;
}

/* Jobs that ask one registry are of one class: a dead one takes no more than its share. */
static void class_of(const char *text, struct buf *out)
{
	autofree char *line = strndup(text, strcspn(text, "\n"));
	struct words words = WORDS_INIT;
	autoref ref = REF_INIT;

	if (line && !words_split(line, &words, NULL) && words.count &&
	    !ref_parse(words.at[words.count - 1], &ref, NULL))
		buf_puts(out, ref.domain);
	else
		buf_puts(out, "local");
	words_clear(&words);
}

static int start_requests(struct request *rq, const struct verb *verb, const void *data, size_t len,
			  struct err *err)
{
	struct requests *q = calloc(1, sizeof(*q));
	autobuf title = BUF_INIT, class = BUF_INIT;
	int r;

	if (q)
		q->text = strndup(data, len);
	if (!q || !q->text) {
		free(q);
		return err_nomem(err);
	}
	q->fs = rq->fs;
	q->verb = verb;
	buf_printf(&title, "%s %.*s", verb->name, (int)strcspn(q->text, "\n"), q->text);
	class_of(q->text, &class);
	if (buf_failed(&title) || buf_failed(&class)) {
		requests_free(q);
		return err_nomem(err);
	}
	struct job_spec spec = {
	    .title = title.data,
	    .class = class.data,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_requests,
	    .arg = q,
	    .free_arg = requests_free,
	};

	r = job_start(rq->fs->jobs, &spec, &rq->wait, err);
	return r < 0 ? r : FS_WAIT;
}

/* Appends a request and its answer to the conversation. */
static void converse(struct vn_ctl *f, uint64_t offset, const void *data, size_t len,
		     const struct buf *answer)
{
	pthread_mutex_lock(&f->lock);
	/* What was read before, up to where the writer stands (with >> that is behind the
	 * snapshot). */
	if (offset < f->content.len)
		f->content.len = offset;
	while (f->content.len < offset && !buf_failed(&f->content))
		buf_putc(&f->content, '\n');
	buf_append(&f->content, data, len);
	buf_append(&f->content, answer->data, answer->len);
	f->filled = true;
	pthread_mutex_unlock(&f->lock);
}

static int ctl_file_write(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
			  size_t len, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;

	if (!rq->owner)
		return err_set(err, EACCES, "only the owner of the mount may write here");
	if (!f->verb->run)
		return err_set(err, EINVAL, "%s takes no requests", f->verb->name);
	if (len > REQUEST_MAX || offset > REQUEST_MAX * 16u)
		return err_set(err, EINVAL, "%s: a request is at most %d bytes", f->verb->name,
			       REQUEST_MAX);
	if (memchr(data, '\0', len))
		return err_set(err, EINVAL, "%s: a NUL byte in a request", f->verb->name);
	if (!rq->ended)
		return start_requests(rq, f->verb, data, len, err);
	converse(f, offset, data, len, job_result(rq->ended));
	return job_outcome(rq->ended, err);
}

static void ctl_file_free(struct vnode *v)
{
	struct vn_ctl *f = (struct vn_ctl *)v;

	words_clear(&f->args);
	buf_free(&f->content);
	pthread_mutex_destroy(&f->lock);
}

static const struct vnode_ops ctl_file_ops = {
    .mode = S_IFREG | 0444,
    .stat = ctl_file_stat,
    .read = ctl_file_read,
    .write = ctl_file_write,
    .free = ctl_file_free,
};

/* "%2F" and the like; in place. False where what follows a % is no hexadecimal number, or is 00. */
static bool decode_percent(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char byte = *from;

		if (byte == '%') {
			char hex[3] = {0};

			if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
				return false;
			memcpy(hex, from + 1, 2);
			byte = (char)strtoul(hex, NULL, 16);
			if (!byte)
				return false;
			from += 2;
		}
		*to++ = byte;
	}
	*to = '\0';
	return true;
}

/* The arguments behind `?`; their errors are those of the lookup, so that open(2) gives them. */
static int take_arguments(struct request *rq, struct vn_ctl *f, const char *text, struct err *err)
{
	autofree char *line = strdup(text);
	int r = line ? 0 : err_nomem(err);

	if (!f->verb->print)
		return err_set(err, EINVAL, "%s takes no arguments in its name", f->verb->name);
	if (!r && !decode_percent(line))
		r = err_set(err, EINVAL, "%s: a %% that is no escape", text);
	if (!r)
		r = words_split(line, &f->args, err);
	if (!r)
		r = fill(rq->fs, f, err);
	if (r < 0) {
		outcomes_add(rq->fs->outcomes, f->verb->name, text, "", r, err);
		events_add(rq->fs->events, f->verb->name, text, r, err);
	}
	return r;
}

static int ctl_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		      struct err *err)
{
	size_t len = strcspn(name, "?");
	const struct verb *verb = verb_find(name, len);
	struct vn_ctl *f;
	int r;

	(void)dir;
	if (!verb)
		return -ENOENT;
	if (!rq->owner && verb->run)
		return -EACCES;
	f = vnode_new(&ctl_file_ops, sizeof(*f), NULL);
	if (!f)
		return err_nomem(err);
	pthread_mutex_init(&f->lock, NULL);
	f->verb = verb;
	f->made = time_now();
	r = name[len] ? take_arguments(rq, f, name + len + 1, err) : 0;
	if (r < 0) {
		vnode_free(&f->v);
		return r;
	}
	return vnode_found(rq, &f->v, out, err);
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

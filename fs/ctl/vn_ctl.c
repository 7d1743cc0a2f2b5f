/* SPDX-License-Identifier: MIT */
/*
 * ctl/ and its files. As the kernel sends no OPEN, each lookup makes a fresh vnode,
 * which is that opener's own:
 *
 *  - a snapshot, made at the first GETATTR or READ: a verb's answer, or its usage and
 *    recent outcomes;
 *  - from its first write on a conversation: the bytes of each request, and behind them
 *    its answer. The descriptor that wrote stands at the end of its request (where the request
 *    failed: at its beginning), so what it reads next is the answer.
 *
 * A write is a job, on which it is parked; interrupting it cancels the job. So is the first look at
 * the answer to a question: not its LOOKUP, as that holds the lock of ctl/. A user who does not own
 * the mount gets all answers by such a job (ctl_request_look), and no outcomes. The LOOKUP decides
 * who asks, for whoever is given the descriptor later.
 *
 * The bytes of a stream are not kept. While the request is open, st_size is one more than was
 * written, so that a read at that place reaches us. It means that the writer is done, and its
 * result is the answer. A write(2) may be several WRITEs. Where a later one of them fails, the
 * kernel tells the writer only how far it came: so all further WRITEs fail, until somebody has read
 * the answer.
 */
#include "fs/tree/vn.h"

#include "fs/ctl/ctl_cut.h"
#include "fs/ctl/ctl_name.h"
#include "fs/ctl/ctl_request.h"
#include "fs/ctl/ctl_stream.h"
#include "fs/core/events.h"
#include "fs/core/fs.h"
#include "fs/core/outcomes.h"
#include "fs/ctl/verb.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#define UNREAD_MAX 65536 /* bytes of a stream's answers that wait for who may never read them */
#define LENT_MAX   (64u << 20) /* bytes of the answers that all other users together hold open */

struct vn_ctl {
	struct vnode v;
	struct fs *fs;
	const struct verb *verb;
	char *line;  /* owned: the arguments in the file's name, or NULL */
	bool owner;  /* who opens it is the owner */
	size_t lent; /* its bytes of fs->lent; under lock */
	struct timespec made;
	struct ctl_stream *stream; /* of a stream verb: a reference */
	pthread_mutex_t lock;
	bool filled;   /* under lock, with those below */
	bool answered; /* the content is a stream's answers, no longer the snapshot */
	uint64_t base; /* where the content begins: what streams have brought is not kept */
	struct buf content;
	int failing; /* -errno that the next READ gives again, or 0 */
	bool joined; /* the WRITE under way has what was kept in front of it */
	struct ctl_cut cut;
	int refused; /* of a stream: -errno that WRITEs give until the answer is read, or 0 */
};

static struct timespec time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

static bool takes_requests(const struct verb *verb)
{
	return verb->kind != VERB_LOG;
}

/* Makes the snapshot, under the lock. */
static int vn_ctl_fill(struct fs *fs, struct vn_ctl *f, struct err *err)
{
	autowords args = WORDS_INIT;
	int r = 0;

	if (f->filled)
		return 0;
	if (f->verb->kind == VERB_TABLE && (f->line || f->verb->bare)) {
		r = f->line ? words_split(f->line, &args, err) : 0;
		if (!r)
			r = f->verb->run(fs, NULL, &args, &f->content, err);
	} else {
		buf_printf(&f->content, "usage: echo \"%s\" > %s\n       %s\n", f->verb->usage,
			   f->verb->name, f->verb->summary);
		if (f->owner)
			outcomes_print(fs->outcomes, f->verb->name, &f->content);
	}
	if (!r && buf_failed(&f->content))
		r = err_nomem(err);
	f->filled = r == 0;
	return r;
}

/* Its content is an answer that is asked for when it is looked at. */
static bool is_asked_later(const struct vn_ctl *f)
{
	return (f->line || f->verb->bare) &&
	       (f->verb->kind == VERB_QUESTION || (f->verb->kind == VERB_TABLE && !f->owner));
}

/* What other users hold open takes memory for as long as they like. */
static int lend(struct vn_ctl *f, size_t len, struct err *err)
{
	if (f->owner)
		return 0;
	if (atomic_fetch_add(&f->fs->lent, len) + len > LENT_MAX) {
		atomic_fetch_sub(&f->fs->lent, len);
		return err_set(err, EDQUOT, "other users hold too much open");
	}
	f->lent = len;
	return 0;
}

/* The answer to what the file's name asks. */
static int fill_answer(struct request *rq, struct vn_ctl *f, struct err *err)
{
	const char *line = f->line ? f->line : "";
	const struct buf *answer;
	bool filled;
	int r;

	pthread_mutex_lock(&f->lock);
	filled = f->filled;
	pthread_mutex_unlock(&f->lock);
	if (filled)
		return 0;
	if (!rq->ended)
		return f->owner ? ctl_request_start(rq, f->verb, line, strlen(line), err)
				: ctl_request_look(rq, f->verb, line, err);
	r = job_outcome(rq->ended, err);
	if (r < 0)
		return r;
	answer = job_result(rq->ended);
	pthread_mutex_lock(&f->lock);
	if (!f->filled)
		r = lend(f, answer->len, err);
	if (!f->filled && !r)
		buf_append(&f->content, answer->data, answer->len);
	f->filled |= !r;
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* A look by who may not read is none. */
static int look(struct request *rq, struct vn_ctl *f, struct err *err)
{
	int r = 0;

	if (!verb_may_read(f->verb, f->owner))
		return 0;
	if (is_asked_later(f))
		return rq->lookup ? 0 : fill_answer(rq, f, err);
	pthread_mutex_lock(&f->lock);
	r = vn_ctl_fill(rq->fs, f, err);
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* The kernel goes by the mode (fs/fuse/fuse_session.c), so that open(2) is refused. */
static mode_t mode_of(const struct verb *verb)
{
	mode_t write = takes_requests(verb) ? 0200 : 0;

	return S_IFREG | write | (verb->others ? 0444 : 0400);
}

static int ctl_file_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;
	int r = 0;

	st->st_mtim = f->made;
	st->st_mode = mode_of(f->verb);
	if (f->verb->kind == VERB_LOG) {
		st->st_size = f->owner ? (off_t)events_size(rq->fs->events) : 0;
		return 0;
	}
	r = look(rq, f, err);
	pthread_mutex_lock(&f->lock);
	/* Who has written a part that is kept is to read behind it. */
	st->st_size = (off_t)(f->base + f->content.len + (f->cut.kept.len > 0));
	pthread_mutex_unlock(&f->lock);
	if (f->stream && ctl_stream_open(f->stream))
		st->st_size++;
	return r;
}

/* Appends a request and its answer to the conversation. */
static void vn_ctl_converse(struct vn_ctl *f, uint64_t offset, const void *data, size_t len,
			    const struct buf *answer)
{
	pthread_mutex_lock(&f->lock);
	/* What was read before, up to where the writer stands (with >> that is behind the
	 * snapshot). */
	if (offset < f->base + f->content.len)
		f->content.len = offset < f->base ? 0 : offset - f->base;
	while (f->base + f->content.len < offset && !buf_failed(&f->content))
		buf_putc(&f->content, '\n');
	buf_append(&f->content, data, len);
	buf_append(&f->content, answer->data, answer->len);
	f->filled = true;
	pthread_mutex_unlock(&f->lock);
}

/* The same for a piece of a stream, from offset to end. What was answered to an earlier piece stays
 * until the writer has read it: behind an archive's end there may be a piece of padding alone. */
static void converse_stream(struct vn_ctl *f, uint64_t offset, uint64_t end,
			    const struct buf *answer)
{
	struct buf unread = BUF_INIT;

	pthread_mutex_lock(&f->lock);
	if (f->answered && f->content.len <= UNREAD_MAX)
		buf_append_range(&unread, &f->content, offset > f->base ? offset - f->base : 0,
				 f->content.len);
	buf_append(&unread, answer->data, answer->len);
	buf_free(&f->content);
	f->content = unread;
	f->failing = 0;
	f->base = end;
	f->filled = f->answered = true;
	pthread_mutex_unlock(&f->lock);
}

/*
 * Reads behind a stream that is not done: it ends here. Where that is a failure this read says so,
 * and the next one has the sentence. A read(2) is two READs, as the kernel reads ahead first and
 * does not tell of a failure, but tries again: so that fails, too.
 */
static int end_stream(struct request *rq, struct vn_ctl *f, struct err *err)
{
	int r;

	if (!rq->ended)
		return ctl_stream_write(rq, f->stream, NULL, 0, err);
	converse_stream(f, f->base, f->base, job_result(rq->ended));
	r = job_outcome(rq->ended, err);
	pthread_mutex_lock(&f->lock);
	f->failing = r;
	pthread_mutex_unlock(&f->lock);
	return r;
}

static int fail_again(struct vn_ctl *f, struct err *err)
{
	int r;

	pthread_mutex_lock(&f->lock);
	r = f->failing;
	f->failing = 0;
	pthread_mutex_unlock(&f->lock);
	return r < 0 ? err_set(err, -r, "the request is not complete") : 0;
}

/* What a WRITE behind a failure gives. Not EINTR, upon which programs try again for ever. */
static int vn_ctl_refuse(struct vn_ctl *f, struct err *err)
{
	int r;

	pthread_mutex_lock(&f->lock);
	r = f->refused == -EINTR ? -EBADMSG : f->refused;
	pthread_mutex_unlock(&f->lock);
	return r < 0 ? err_set(err, -r, "%s: the request has failed, and its answer is not read",
			       f->verb->name)
		     : 0;
}

static void set_refused(struct vn_ctl *f, int r)
{
	pthread_mutex_lock(&f->lock);
	f->refused = r < 0 ? r : 0;
	pthread_mutex_unlock(&f->lock);
}

/* What was kept of a WRITE is a request when its answer is wanted. */
static int ask_kept(struct request *rq, struct vn_ctl *f, struct err *err)
{
	autobuf text = BUF_INIT;
	bool any;

	if (rq->ended && f->joined)
		vn_ctl_converse(f, f->cut.end, "", 0, job_result(rq->ended));
	pthread_mutex_lock(&f->lock);
	any = ctl_cut_join(&f->cut, f->cut.end, "", 0, &text);
	f->joined = any;
	pthread_mutex_unlock(&f->lock);
	if (buf_failed(&text))
		return err_nomem(err);
	return any ? ctl_request_start(rq, f->verb, text.data, text.len, err) : 0;
}

static int ctl_file_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			 struct buf *out, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;
	int r = 0;

	if (!verb_may_read(f->verb, f->owner))
		return err_set(err, EACCES, "%s is for the owner of the mount", f->verb->name);
	if (f->verb->kind == VERB_LOG)
		return events_read(rq->fs->events, offset, len, out, err);
	if (!f->stream)
		r = ask_kept(rq, f, err);
	if (!r && is_asked_later(f))
		r = fill_answer(rq, f, err);
	else if (f->stream && (rq->ended || ctl_stream_open(f->stream)) && offset + len > f->base)
		r = end_stream(rq, f, err);
	else if (f->stream)
		r = fail_again(f, err);
	if (r)
		return r;
	if (f->stream)
		set_refused(f, 0);
	pthread_mutex_lock(&f->lock);
	r = vn_ctl_fill(rq->fs, f, err);
	for (; !r && offset < f->base && len > 0 && !buf_failed(out); offset++, len--)
		buf_putc(out, '\0');
	if (!r)
		buf_append_range(out, &f->content, offset - f->base, len);
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* Starts the requests, unless they may go on in the next WRITE. */
static int start_requests(struct request *rq, struct vn_ctl *f, uint64_t offset, const void *data,
			  size_t len, struct err *err)
{
	static const struct buf nothing;
	autobuf text = BUF_INIT;
	bool kept = false;
	int r;

	pthread_mutex_lock(&f->lock);
	r = ctl_cut_again(&f->cut, offset);
	if (!r && f->cut.kept.len + len <= CTL_REQUEST_MAX)
		kept = ctl_cut_keep(&f->cut, offset, data, len);
	if (!r && !kept)
		f->joined = ctl_cut_join(&f->cut, offset, data, len, &text);
	pthread_mutex_unlock(&f->lock);
	if (r)
		return err_set(err, -r, "%s: the request has failed", f->verb->name);
	if (kept) {
		vn_ctl_converse(f, offset, data, len, &nothing);
		return 0;
	}
	if (buf_failed(&text))
		return err_nomem(err);
	if (text.len > CTL_REQUEST_MAX || offset > CTL_REQUEST_MAX * 16u)
		return err_set(err, EINVAL, "%s: a request is at most %d bytes", f->verb->name,
			       CTL_REQUEST_MAX);
	return ctl_request_start(rq, f->verb, text.data ? text.data : "", text.len, err);
}

static int write_requests(struct request *rq, struct vn_ctl *f, uint64_t offset, const void *data,
			  size_t len, struct err *err)
{
	int r;

	if (memchr(data, '\0', len))
		return err_set(err, EINVAL, "%s: a NUL byte in a request", f->verb->name);
	if (!rq->ended)
		return start_requests(rq, f, offset, data, len, err);
	r = job_outcome(rq->ended, err);
	/* Where the write fails its descriptor stays where it is, and the answer has to stand
	 * there. */
	vn_ctl_converse(f, offset, data, r < 0 ? 0 : len, job_result(rq->ended));
	pthread_mutex_lock(&f->lock);
	f->cut.again = f->joined ? r : 0;
	f->cut.again_at = offset;
	f->joined = false;
	pthread_mutex_unlock(&f->lock);
	return r;
}

static int ctl_file_write(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
			  size_t len, struct err *err)
{
	struct vn_ctl *f = (struct vn_ctl *)v;
	int r;

	if (!rq->owner)
		return err_set(err, EACCES, "only the owner of the mount may write here");
	if (!takes_requests(f->verb))
		return err_set(err, EINVAL, "%s takes no requests", f->verb->name);
	if (!f->stream)
		return write_requests(rq, f, offset, data, len, err);
	if (!rq->ended) {
		r = vn_ctl_refuse(f, err);
		return r || !len ? r : ctl_stream_write(rq, f->stream, data, len, err);
	}
	r = job_outcome(rq->ended, err);
	set_refused(f, r);
	converse_stream(f, offset, r < 0 ? offset : offset + len, job_result(rq->ended));
	return r;
}

static void ctl_file_free(struct vnode *v)
{
	struct vn_ctl *f = (struct vn_ctl *)v;

	ctl_stream_close(f->stream);
	if (f->cut.kept.len)
		ctl_request_detach(f->fs, f->verb, f->cut.kept.data, f->cut.kept.len);
	ctl_cut_clear(&f->cut);
	atomic_fetch_sub(&f->fs->lent, f->lent);
	free(f->line);
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

/* What the name says, which the vnode takes. The errors of a table are those of the lookup, so that
 * open(2) gives them. */
static int vn_ctl_take_name(struct request *rq, struct vn_ctl *f, const char *name, struct err *err)
{
	struct ctl_name n;
	int r = ctl_name_parse(name, rq->owner, &n, err);
	const char *line = strchr(name, '?');

	f->fs = rq->fs;
	f->verb = n.verb;
	f->line = n.line;
	f->owner = rq->owner;
	if (!r && f->line && f->verb->kind == VERB_TABLE && f->owner)
		r = vn_ctl_fill(rq->fs, f, err);
	/* Of a verb that takes none there, it may be somebody's password for login. */
	if (r < 0 && f->verb && f->owner)
		outcomes_record(
		    rq->fs, f->verb->name,
		    f->verb->kind == VERB_TABLE || f->verb->kind == VERB_QUESTION ? line + 1 : "",
		    "", r, err);
	return r;
}

static int ctl_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		      struct err *err)
{
	struct vn_ctl *f;
	char path[VN_PATH_MAX];
	int r;

	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	f = vnode_new_own(&ctl_file_ops, sizeof(*f), path);
	if (!f)
		return err_nomem(err);
	pthread_mutex_init(&f->lock, NULL);
	f->made = time_now();
	r = vn_ctl_take_name(rq, f, name, err);
	if (!r && f->verb->kind == VERB_STREAM) {
		f->stream = ctl_stream_new(rq->fs, f->verb);
		r = f->stream ? 0 : err_nomem(err);
	}
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

/* SPDX-License-Identifier: MIT */
/*
 * A file that takes requests by line.
 *
 *     snapshot ──WRITE──▸ conversation ──WRITE──▸ conversation …
 *
 * The snapshot is the verb's usage and the outcomes of recent requests, made at the first look.
 * From the first write on the content is the bytes of each request, and behind them its answer. The
 * descriptor that wrote stands at the end of its request (where the request failed: at its
 * beginning), so what it reads next is the answer. A process that reads before it writes stands in
 * the snapshot or in the conversation: what it has read stays in front of its request, and what is
 * behind that goes. Where nothing was looked at there is no snapshot, and none is made any more.
 *
 * A WRITE is a job, on which it is parked; interrupting it cancels the job, unless it comes again
 * (ctl_again.h). The kernel lets one WRITE of an inode through at a time, but READs beside it. A WRITE
 * that may be only the first part
 * of a write(2) is kept (ctl_cut.h): a conversation, without an answer so far. It runs with the
 * next WRITE, before the next READ, or when the file is forgotten. Which of these a job is for is
 * its key, so that a call that comes back from it knows.
 */
#include "fs/ctl/vn_ctl_talk.h"

#include "fs/ctl/ctl_request.h"
#include "fs/ctl/vn_ctl.h"

#include <errno.h>
#include <string.h>

#define OFFSET_MAX (CTL_REQUEST_MAX * 16u) /* of a WRITE: all in front of it takes memory */

static const struct job_key written = {.kind = "ctl-written"};
static const struct job_key written_on = {.kind = "ctl-written-on"}; /* behind what was kept */
static const struct job_key kept = {.kind = "ctl-kept"};	     /* and wanted by a READ */

/* Appends a request and its answer. */
static void converse(struct vn_ctl_talk *t, uint64_t offset, const void *data, size_t len,
		     const struct buf *answer)
{
	struct buf *content = &t->file.content;

	pthread_mutex_lock(&t->file.lock);
	/* What was read before, up to where the writer stands (with >> that is behind the
	 * snapshot). */
	if (offset < content->len)
		content->len = offset;
	while (content->len < offset && !buf_failed(content))
		buf_putc(content, '\n');
	buf_append(content, data, len);
	buf_append(content, answer->data, answer->len);
	t->file.filled = true;
	pthread_mutex_unlock(&t->file.lock);
}

/* Who has written a part that is kept is to read behind it. */
void vn_ctl_talk_stat(struct vn_ctl_talk *t, struct stat *st)
{
	ctl_file_stat(&t->file, st);
	pthread_mutex_lock(&t->file.lock);
	st->st_size = (off_t)(t->file.content.len + (t->cut.kept.len > 0));
	pthread_mutex_unlock(&t->file.lock);
}

static int talk_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_ctl_talk *t = (struct vn_ctl_talk *)v;
	int r = ctl_file_fill_usage(&t->file, err);

	(void)rq;
	vn_ctl_talk_stat(t, st);
	return r;
}

int vn_ctl_talk_ask(struct request *rq, struct vn_ctl_talk *t, struct err *err)
{
	autobuf text = BUF_INIT;
	uint64_t end;
	bool any;
	int r;

	pthread_mutex_lock(&t->file.lock);
	end = t->cut.end;
	any = ctl_cut_join(&t->cut, end, "", 0, &text);
	pthread_mutex_unlock(&t->file.lock);
	if (request_done(rq, &kept, &r, NULL)) /* its errno is nobody's: that write was answered */
		converse(t, end, "", 0, job_result(rq->ended));
	if (buf_failed(&text))
		return err_nomem(err);
	return any ? ctl_request_start(rq, &kept, t->file.verb, text.data, text.len, err) : 0;
}

static int talk_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		     struct buf *out, struct err *err)
{
	struct vn_ctl_talk *t = (struct vn_ctl_talk *)v;
	int r = ctl_file_may_read(&t->file, err);

	if (!r)
		r = vn_ctl_talk_ask(rq, t, err);
	if (!r)
		r = ctl_file_fill_usage(&t->file, err);
	if (!r)
		ctl_file_copy(&t->file, offset, len, out);
	return r;
}

/* Starts the requests, unless they may go on in the next WRITE. */
static int start_requests(struct request *rq, struct vn_ctl_talk *t, uint64_t offset,
			  const void *data, size_t len, struct err *err)
{
	static const struct buf nothing;
	const struct verb *verb = t->file.verb;
	autobuf text = BUF_INIT;
	bool keep = false, on = false;
	int r;

	if (offset > OFFSET_MAX)
		return err_set(err, EINVAL, "%s: too far behind the last request", verb->name);
	pthread_mutex_lock(&t->file.lock);
	r = ctl_cut_again(&t->cut, offset);
	if (!r && t->cut.kept.len + len <= CTL_REQUEST_MAX)
		keep = ctl_cut_keep(&t->cut, offset, data, len);
	if (!r && !keep)
		on = ctl_cut_join(&t->cut, offset, data, len, &text);
	pthread_mutex_unlock(&t->file.lock);
	if (r)
		return err_set(err, -r, "%s: the request has failed", verb->name);
	if (keep) {
		converse(t, offset, data, len, &nothing);
		return 0;
	}
	if (buf_failed(&text))
		return err_nomem(err);
	if (text.len > CTL_REQUEST_MAX)
		return err_set(err, EINVAL, "%s: a request is at most %d bytes", verb->name,
			       CTL_REQUEST_MAX);
	return ctl_request_start(rq, on ? &written_on : &written, verb, text.data ? text.data : "",
				 text.len, err);
}

/* The WRITE has a job's result; not where that was left by another one, or given up before this one
 * came: then it is a request of its own. What was kept in front of it has gone with the job. */
static bool talk_ended(struct request *rq, struct vn_ctl_talk *t, uint64_t offset, const void *data,
		       size_t len, bool on, int *r, struct err *err)
{
	enum ctl_again_whose whose;

	pthread_mutex_lock(&t->file.lock);
	whose = ctl_again_end(&t->again, rq, offset, data, len);
	pthread_mutex_unlock(&t->file.lock);
	if (whose == AGAIN_OTHER || (whose == AGAIN_SAME && *r == -EINTR && !on))
		return false;
	if (whose == AGAIN_SAME && *r == -EINTR)
		*r = err_set(err, EBADMSG, "%s: the request was interrupted", t->file.verb->name);
	return true;
}

/* A request of its own, behind what a WRITE before it has left. */
static int begin_talk(struct request *rq, struct vn_ctl_talk *t, uint64_t offset, const void *data,
		      size_t len, struct err *err)
{
	struct job *before;
	bool waits;
	int r;

	pthread_mutex_lock(&t->file.lock);
	waits = ctl_again_join(&t->again, rq);
	pthread_mutex_unlock(&t->file.lock);
	if (waits)
		return FS_WAIT;
	r = start_requests(rq, t, offset, data, len, err);
	if (r == FS_WAIT) {
		pthread_mutex_lock(&t->file.lock);
		before = ctl_again_started(&t->again, rq, offset, data, len);
		pthread_mutex_unlock(&t->file.lock);
		job_put(before);
	}
	return r;
}

int vn_ctl_talk_write(struct request *rq, struct vnode *v, uint64_t offset, const void *data,
		      size_t len, struct err *err)
{
	struct vn_ctl_talk *t = (struct vn_ctl_talk *)v;
	bool on = false;
	int r = ctl_file_may_write(rq, err);

	if (r)
		return r;
	if (memchr(data, '\0', len))
		return err_set(err, EINVAL, "%s: a NUL byte in a request", t->file.verb->name);
	if (!request_done(rq, &written, &r, err) && !(on = request_done(rq, &written_on, &r, err)))
		return begin_talk(rq, t, offset, data, len, err);
	if (!talk_ended(rq, t, offset, data, len, on, &r, err))
		return begin_talk(rq, t, offset, data, len, err);
	/* Where the write fails its descriptor stays where it is, and the answer has to stand
	 * there. */
	converse(t, offset, data, r < 0 ? 0 : len, job_result(rq->ended));
	pthread_mutex_lock(&t->file.lock);
	t->cut.again = on ? r : 0;
	t->cut.again_at = offset;
	pthread_mutex_unlock(&t->file.lock);
	return r;
}

void vn_ctl_talk_free(struct vnode *v)
{
	struct vn_ctl_talk *t = (struct vn_ctl_talk *)v;

	if (t->cut.kept.len)
		ctl_request_detach(t->file.fs, t->file.verb, t->cut.kept.data, t->cut.kept.len);
	ctl_cut_clear(&t->cut);
	job_put(ctl_again_take(&t->again));
	ctl_file_free(v);
}

static const struct vnode_ops talk_ops = {
    .mode = S_IFREG | 0600,
    .stat = talk_stat,
    .read = talk_read,
    .write = vn_ctl_talk_write,
    .free = vn_ctl_talk_free,
};

struct vnode *vn_ctl_talk_new(struct request *rq, const struct verb *verb, const char *path)
{
	return ctl_file_new(&talk_ops, sizeof(struct vn_ctl_talk), rq, verb, path);
}

/* SPDX-License-Identifier: MIT */
/*
 * A file that takes requests in pieces: an archive, a login.
 *
 *     snapshot ──WRITE──▸ open ──WRITE──▸ open …  ──its end──▸ answered ──WRITE──▸ open …
 *                           └───── READ behind it ends it ────────┘
 *
 * The snapshot is that of a talk (vn_ctl_talk.c). The bytes that are written are not kept: from the
 * first write on the content is what was answered, and begins at `base`, where the last piece ended.
 * In front of it there are zeros.
 *
 * While a request is open, st_size is one more than was written, so that a READ at that place
 * reaches us. It means that the writer is done: the request ends there, and its result is the
 * answer. Where that is a failure, this read(2) says so, and the next one has the sentence. A
 * read(2) is two READs, as the kernel reads ahead first and does not tell of a failure, but tries
 * again: so that fails, too (`failing`).
 *
 * A write(2) may be several WRITEs. Where a later one of them fails, the kernel tells the writer
 * only how far it came: so all further WRITEs fail, until somebody has read (`refused`).
 */
#include "fs/ctl/vn_ctl.h"

#include "fs/ctl/ctl_file.h"
#include "fs/ctl/ctl_stream.h"

#include <errno.h>

#define UNREAD_MAX 65536 /* bytes of answers that wait for who may never read them */

struct vn_ctl_stream {
	struct ctl_file file;
	struct ctl_stream *stream; /* a reference */
	/* Under file.lock: */
	bool answered; /* the content is answers, no longer the snapshot */
	uint64_t base; /* where the content begins */
	int failing;   /* -errno that the next READ gives again, or 0 */
	int refused;   /* -errno that WRITEs give, or 0 */
};

/* What was answered to a piece from offset to end. What was answered to an earlier one stays until
 * the writer has read it: behind an archive's end there may be a piece of padding alone. */
static void put_answer(struct vn_ctl_stream *s, uint64_t offset, uint64_t end,
		       const struct buf *answer)
{
	struct ctl_file *f = &s->file;
	struct buf unread = BUF_INIT;

	pthread_mutex_lock(&f->lock);
	if (s->answered && f->content.len <= UNREAD_MAX)
		buf_append_range(&unread, &f->content, offset > s->base ? offset - s->base : 0,
				 f->content.len);
	buf_append(&unread, answer->data, answer->len);
	buf_free(&f->content);
	f->content = unread;
	s->failing = 0;
	s->base = end;
	f->filled = s->answered = true;
	pthread_mutex_unlock(&f->lock);
}

/* Sets one of the numbers above, and gives what it was. */
static int exchange(struct vn_ctl_stream *s, int *number, int value)
{
	int before;

	pthread_mutex_lock(&s->file.lock);
	before = *number;
	*number = value;
	pthread_mutex_unlock(&s->file.lock);
	return before;
}

static int stream_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_ctl_stream *s = (struct vn_ctl_stream *)v;
	int r = ctl_file_fill_usage(&s->file, err);

	(void)rq;
	ctl_file_stat(&s->file, st);
	pthread_mutex_lock(&s->file.lock);
	st->st_size = (off_t)(s->base + s->file.content.len);
	pthread_mutex_unlock(&s->file.lock);
	st->st_size += ctl_stream_open(s->stream);
	return r;
}

/* Before a READ up to `end`: a request that is open ends where that is behind it. */
static int end_request(struct request *rq, struct vn_ctl_stream *s, uint64_t end, struct err *err)
{
	const struct ctl_piece last = {.offset = UINT64_MAX};
	bool done;
	uint64_t base;
	int r = 0;

	pthread_mutex_lock(&s->file.lock);
	base = s->base;
	pthread_mutex_unlock(&s->file.lock);
	done = ctl_stream_done(rq, s->stream, &last, &r, err);
	if (end > base && done) {
		put_answer(s, base, base, job_result(rq->ended));
		exchange(s, &s->failing, r);
		return r;
	}
	if (end > base && ctl_stream_open(s->stream))
		return ctl_stream_write(rq, s->stream, &last, err);
	r = exchange(s, &s->failing, 0);
	return r < 0 ? err_set(err, -r, "the request is not complete") : 0;
}

static int vn_ctl_stream_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
			      struct buf *out, struct err *err)
{
	struct vn_ctl_stream *s = (struct vn_ctl_stream *)v;
	int r = ctl_file_may_read(&s->file, err);

	if (!r)
		r = end_request(rq, s, offset + len, err);
	if (r)
		return r;
	exchange(s, &s->refused, 0);
	r = ctl_file_fill_usage(&s->file, err);
	if (r)
		return r;
	pthread_mutex_lock(&s->file.lock);
	for (; offset < s->base && len > 0 && !buf_failed(out); offset++, len--)
		buf_putc(out, '\0');
	buf_append_range(out, &s->file.content, offset - s->base, len);
	pthread_mutex_unlock(&s->file.lock);
	return 0;
}

/* What a WRITE behind a failure gives. Not EINTR, upon which programs try again for ever. */
static int stream_refuse(struct vn_ctl_stream *s, struct err *err)
{
	int r;

	pthread_mutex_lock(&s->file.lock);
	r = s->refused == -EINTR ? -EBADMSG : s->refused;
	pthread_mutex_unlock(&s->file.lock);
	return r < 0 ? err_set(err, -r, "%s: the request has failed, and its answer is not read",
			       s->file.verb->name)
		     : 0;
}

static int vn_ctl_stream_write(struct request *rq, struct vnode *v, uint64_t offset,
			       const void *data, size_t len, struct err *err)
{
	struct vn_ctl_stream *s = (struct vn_ctl_stream *)v;
	const struct ctl_piece piece = {offset, data, len};
	int r = ctl_file_may_write(rq, err);

	if (r)
		return r;
	if (!ctl_stream_done(rq, s->stream, &piece, &r, err)) {
		r = stream_refuse(s, err);
		return r || !len ? r : ctl_stream_write(rq, s->stream, &piece, err);
	}
	exchange(s, &s->refused, r);
	put_answer(s, offset, r < 0 ? offset : offset + len, job_result(rq->ended));
	return r;
}

static void stream_free(struct vnode *v)
{
	ctl_stream_close(((struct vn_ctl_stream *)v)->stream);
	ctl_file_free(v);
}

static const struct vnode_ops stream_ops = {
    .mode = S_IFREG | 0600,
    .stat = stream_stat,
    .read = vn_ctl_stream_read,
    .write = vn_ctl_stream_write,
    .free = stream_free,
};

struct vnode *vn_ctl_stream_new(struct request *rq, const struct verb *verb, const char *path)
{
	struct vn_ctl_stream *s = ctl_file_new(&stream_ops, sizeof(*s), rq, verb, path);

	if (!s)
		return NULL;
	s->stream = ctl_stream_new(rq->fs, verb);
	if (s->stream)
		return &s->file.v;
	vnode_free(&s->file.v);
	return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "fs/ctl/ctl_stream.h"

#include "fs/ctl/ctl_again.h"
#include "fs/ctl/ctl_request.h"
#include "fs/ctl/porcelain.h"
#include "fs/core/inode.h"
#include "fs/tree/fresh.h"
#include "registry/wire/text.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

struct ctl_stream {
	struct fs *fs;
	const struct verb *verb;
	pthread_mutex_t lock;
	unsigned refs;	/* these under lock */
	bool busy;	/* a job has the state */
	bool closed;	/* the control file is */
	bool unnamed;	/* its job's: the kernel has forgotten the file's name */
	bool porcelain; /* its job's: so is the answer to the request */
	bool ended;	/* its job's: a request has ended, and what is zero behind it is padding */
	bool continued; /* under lock: the last piece belongs to a request that was open before */
	struct ctl_again again; /* under lock: the last piece */
	void *state;		/* owned; NULL: no request is open */
};

static const struct job_key piece_key = {.kind = "piece"};

/* One write. */
struct piece {
	struct ctl_stream *stream; /* a reference */
	void *data;		   /* owned; wiped, as it may hold a secret */
	size_t len;
	bool holds; /* the stream's state */
};

struct ctl_stream *ctl_stream_new(struct fs *fs, const struct verb *verb)
{
	struct ctl_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fs = fs;
	s->verb = verb;
	s->refs = 1;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void drop_state(struct ctl_stream *s)
{
	if (s->state)
		s->verb->stream->close(s->state);
	s->state = NULL;
}

static void stream_put(struct ctl_stream *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	assert(s->refs > 0);
	last = --s->refs == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	assert(!s->again.job); /* it would refer to the stream */
	drop_state(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool ctl_stream_open(struct ctl_stream *s)
{
	bool open;

	pthread_mutex_lock(&s->lock);
	open = s->busy || s->state;
	pthread_mutex_unlock(&s->lock);
	return open;
}

static int start_piece(struct ctl_stream *s, const void *data, size_t len, struct request *rq,
		       struct err *err);

/* Gives the state back; where the file was closed meanwhile, what is open ends now. */
static void release(struct ctl_stream *s)
{
	bool end;

	pthread_mutex_lock(&s->lock);
	s->busy = false;
	end = s->closed && s->state;
	pthread_mutex_unlock(&s->lock);
	if (end)
		start_piece(s, NULL, 0, NULL, NULL);
}

static void piece_free(void *arg)
{
	struct piece *p = arg;

	if (p->holds) { /* it never ran, and its bytes are lost */
		drop_state(p->stream);
		release(p->stream);
	}
	explicit_bzero(p->data, p->len);
	free(p->data);
	stream_put(p->stream);
	free(p);
}

/* How many bytes at the front are padding: archives are filled up to a record of many blocks. */
static size_t ctl_stream_padding(const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] == '\0')
		n++;
	return n;
}

/* One request, or the part of it that is in data[0, *used). As verb_stream.write. */
static int ctl_stream_feed(struct ctl_stream *s, struct job *j, const void *data, size_t len,
			   size_t *used, struct buf *answer, struct err *err)
{
	const struct verb_stream *ops = s->verb->stream;
	int r = s->state ? 0 : ops->open(s->fs, &s->state, err);

	*used = len;
	if (!r)
		r = ops->write(s->state, j, data, len, used, answer, err);
	if (r == FEED_MORE && len == 0)
		r = err_set(err, EBADMSG, "unexpected EOF: the request is not complete");
	if (r == FEED_DONE && buf_failed(answer))
		r = err_nomem(err);
	if (r != FEED_MORE) {
		const char *subject = s->state ? ops->subject(s->state) : "";

		ctl_request_ended(j, s->fs, s->verb, subject, answer, r < 0 ? r : 0, err);
		porcelain_end(j, s->porcelain, answer, r < 0 ? r : 0, err);
		drop_state(s);
		s->ended = true;
	}
	return r;
}

/*
 * A request that stays open must end when its writer is gone. The kernel tells so by FORGET, which
 * it sends when nothing holds the file any more: a name in its cache would, for as long as nobody
 * looks it up again.
 */
static void unname(struct ctl_stream *s)
{
	struct fs *fs = s->fs;

	if (!s->state || s->unnamed || !fs->kernel)
		return;
	s->unnamed = true;
	fs->kernel->forget_name(fs->kernel, inodes_number(fs->inodes, INODE_VNODE, "ctl"),
				s->verb->name);
}

/* Bytes of the word at the front of a request that asks for its answer's form. */
static size_t take_porcelain(struct ctl_stream *s, const char *data, size_t len)
{
	size_t asked = porcelain_asked(data, len, NULL);

	s->porcelain = asked > 0;
	return asked;
}

/* What follows a request that failed is not looked at: where it ends is not known. */
static int run_piece(struct job *j, void *arg, struct err *err)
{
	struct piece *p = arg;
	struct ctl_stream *s = p->stream;
	size_t at = 0, used;
	int r = 0;

	do {
		autobuf answer = BUF_INIT;
		struct err e = {0};

		if (!s->state && s->ended)
			at += ctl_stream_padding((char *)p->data + at, p->len - at);
		if (at == p->len && (p->len || !s->state))
			break;
		if (!s->state)
			at += take_porcelain(s, (char *)p->data + at, p->len - at);
		r = ctl_stream_feed(s, j, (char *)p->data + at, p->len - at, &used, &answer, &e);
		at += used;
		text_make_harmless(&answer, 0);
		buf_append(job_result(j), answer.data, answer.len);
		if (r < 0 && err)
			*err = e;
	} while (r == FEED_DONE);
	if (s->ended)
		fresh_tell(s->fs->fresh, FRESH_NAMES);
	unname(s);
	p->holds = false;
	release(s);
	return r < 0 ? r : 0;
}

/* Starts a job; the stream is taken for it. rq NULL: nobody waits. */
static int start_piece(struct ctl_stream *s, const void *data, size_t len, struct request *rq,
		       struct err *err)
{
	struct piece *p = calloc(1, sizeof(*p));
	autobuf title = BUF_INIT;
	int r;

	if (p)
		p->data = malloc(len ? len : 1);
	if (!p || !p->data) {
		free(p);
		return err_nomem(err);
	}
	memcpy(p->data, data ? data : "", len);
	p->len = len;
	p->stream = s;
	pthread_mutex_lock(&s->lock);
	s->refs++;
	p->holds = !s->busy;
	s->busy = true;
	if (p->holds)
		s->continued = s->state != NULL;
	pthread_mutex_unlock(&s->lock);
	if (p->holds)
		buf_printf(&title, "%s %s", s->verb->name,
			   s->state ? s->verb->stream->subject(s->state) : "");
	if (!p->holds || buf_failed(&title)) {
		r = p->holds ? err_nomem(err)
			     : err_set(err, EBUSY, "%s: another write to this file is under way",
				       s->verb->name);
		piece_free(p);
		return r;
	}
	struct job_spec spec = {
	    .key = piece_key,
	    .title = title.data,
	    .class = s->verb->name,
	    .grace_ms = CTL_GRACE_MS,
	    .limit_ms = JOB_NO_DEADLINE,
	    .run = run_piece,
	    .arg = p,
	    .free_arg = piece_free,
	};

	return rq ? request_wait(rq, &spec, err) : job_start(s->fs->jobs, &spec, NULL, err);
}

static int lost_piece(const struct ctl_stream *s, struct err *err)
{
	return err_set(err, EBADMSG, "%s: the request was interrupted", s->verb->name);
}

/* What an earlier piece came to whose writer was interrupted. True: it is the answer to this one,
 * which has the same bytes, or may not follow it; else this one begins a request, or is the end. */
static bool is_answer_to(const struct ctl_stream *s, enum ctl_again_whose whose, size_t len, int *r,
			 struct err *err)
{
	if (whose == AGAIN_SAME && *r != -EINTR)
		return true;
	if (*r < 0 && !s->continued) /* nothing is left of it */
		return false;
	if (*r >= 0 && (!s->state || !len))
		return false;
	*r = lost_piece(s, err);
	return true;
}

bool ctl_stream_done(struct request *rq, struct ctl_stream *s, const struct ctl_piece *p, int *r,
		     struct err *err)
{
	enum ctl_again_whose whose;
	bool is = true;

	if (!request_done(rq, &piece_key, r, err))
		return false;
	pthread_mutex_lock(&s->lock);
	whose = ctl_again_end(&s->again, rq, p->offset, p->data ? p->data : "", p->len);
	if (whose != AGAIN_OURS)
		is = is_answer_to(s, whose, p->len, r, err);
	pthread_mutex_unlock(&s->lock);
	return is;
}

int ctl_stream_write(struct request *rq, struct ctl_stream *s, const struct ctl_piece *p,
		     struct err *err)
{
	const void *data = p->data ? p->data : "";
	struct job *before;
	bool waits;
	int r;

	pthread_mutex_lock(&s->lock);
	waits = ctl_again_join(&s->again, rq);
	pthread_mutex_unlock(&s->lock);
	if (waits)
		return FS_WAIT;
	r = start_piece(s, data, p->len, rq, err);
	if (r == FS_WAIT) {
		pthread_mutex_lock(&s->lock);
		before = ctl_again_started(&s->again, rq, p->offset, data, p->len);
		pthread_mutex_unlock(&s->lock);
		job_put(before);
	}
	return r;
}

void ctl_stream_close(struct ctl_stream *s)
{
	struct job *last;
	bool busy;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	busy = s->busy;
	last = ctl_again_take(&s->again);
	pthread_mutex_unlock(&s->lock);
	job_put(last);
	if (!busy) /* else the job that has the state does it */
		release(s);
	stream_put(s);
}

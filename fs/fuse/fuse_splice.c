/* SPDX-License-Identifier: MIT */
/*
 * The bytes go into a pipe first, and are counted there. An answer that is shorter than it should
 * be would be taken for the end of the file: fuse_reply_data makes one of a file that was cut, or
 * of a disk that fails in the middle.
 */
#include "fs/fuse/fuse_splice.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIPE_SIZE  (1 << 20)   /* the largest READ */
#define SPLICE_MIN (32u << 10) /* below that, the system calls cost more than the copy */

/* A thread has one of its own. */
struct pipe_ends {
	int out, in;
	size_t size;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void close_pipe(void *arg)
{
	struct pipe_ends *e = arg;

	close(e->out);
	close(e->in);
	free(e);
}

static void fuse_splice_make_key(void)
{
	pthread_key_create(&key, close_pipe);
}

static struct pipe_ends *open_pipe(void)
{
	struct pipe_ends *e = malloc(sizeof(*e));
	int fds[2], size;

	if (!e || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(e);
		return NULL;
	}
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	size = fcntl(fds[1], F_GETPIPE_SZ);
	*e = (struct pipe_ends){fds[0], fds[1], size > 0 ? (size_t)size : 0};
	pthread_setspecific(key, e);
	return e;
}

static struct pipe_ends *get_pipe(void)
{
	struct pipe_ends *e;

	pthread_once(&once, fuse_splice_make_key);
	e = pthread_getspecific(key);
	return e ? e : open_pipe();
}

/* What is left in it would come before the next answer. */
static void drop_pipe(struct pipe_ends *e)
{
	pthread_setspecific(key, NULL);
	close_pipe(e);
}

static bool fuse_splice_fill(const struct pipe_ends *e, const struct file_part *p)
{
	loff_t offset = (loff_t)p->offset;
	size_t done = 0;
	ssize_t n;

	while (done < p->len &&
	       (n = splice(p->fd, &offset, e->in, NULL, p->len - done, SPLICE_F_NONBLOCK)) > 0)
		done += (size_t)n;
	return done == p->len;
}

bool fuse_splice(fuse_req_t req, const struct file_part *p)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(p->len);
	struct pipe_ends *e = p->len >= SPLICE_MIN ? get_pipe() : NULL;
	int left;

	if (!e || p->len > e->size)
		return false;
	if (!fuse_splice_fill(e, p)) {
		drop_pipe(e);
		return false;
	}
	v.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_RETRY;
	v.buf[0].fd = e->out;
	fuse_reply_data(req, &v, 0);
	if (ioctl(e->out, FIONREAD, &left) < 0 || left > 0)
		drop_pipe(e);
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * Workers sleep in read(2) of the FUSE device. The kernel wakes one of them for a request, which
 * poll(2) would not do. It is also the only place where a worker can be cancelled: so it ends with
 * nothing half done, and what it serves is answered before.
 *
 * A program that waits for one answer after the other (one that lists a tree, for example) spends
 * most of its time on processors that go to sleep and are woken. While requests come that fast:
 *
 *   - one worker stays awake for the next (poll_for_request),
 *   - the others stand aside (stand_aside): the kernel would wake one that sleeps in read(2) for
 *     each request, and it would find nothing,
 *   - one of those looks every millisecond whether it is needed. Nobody else reads requests
 *     while that one worker is busy with a long one, unless it says so (fuse_loop_go_on).
 */
#include "fs/fuse/fuse_loop.h"

#include "store/base/clock.h"
#include "store/base/log.h"
#include "store/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define WORKER_STACK (1u << 20)
#define BUFFER_SIZE  (FUSE_LOOP_MAX_WRITE + 4096) /* the headers fit into a page */

/* All in us. Requests are brisk where the last one came less than BRISK ago, and have ended where none
 * came for LULL. */
#define BRISK	 200
#define LULL	 2000
#define POLL_FOR 50

struct loop_worker {
	struct fuse_loop *loop;
	pthread_t thread;
	struct fuse_buf request; /* its memory is owned */
};

struct fuse_loop {
	struct fuse_session *fuse;
	struct ending *ending;
	int fd;
	pthread_mutex_t lock; /* guards what follows, but the atomics */
	struct loop_worker workers[FUSE_LOOP_WORKERS];
	bool stopping;
	bool full;		  /* the system gives no more threads */
	atomic_bool wanted;	  /* one of those that stand aside */
	bool watched;		  /* a worker that stands aside looks whether it is needed */
	pthread_cond_t needed;	  /* those that stand aside wait for it */
	atomic_uint count;	  /* of workers; changed under the lock */
	atomic_uint waiting;	  /* for a request */
	atomic_uint aside;	  /* changed under the lock */
	atomic_int error;	  /* -errno */
	atomic_bool polling;	  /* one worker at a time */
	atomic_int_fast64_t last; /* request, in us of CLOCK_MONOTONIC */
};

/* True if the last request came at most that long ago, in us. */
static bool came_within(struct fuse_loop *l, int64_t us)
{
	return clock_us() - atomic_load_explicit(&l->last, memory_order_relaxed) <= us;
}

static bool is_pending(struct fuse_loop *l)
{
	struct pollfd in = {.fd = l->fd, .events = POLLIN};

	return poll(&in, 1, 0) != 0;
}

/* Calls one of those that stand aside, if there are any. */
static void call_one(struct fuse_loop *l)
{
	if (l->aside == 0 || atomic_exchange(&l->wanted, true))
		return;
	pthread_mutex_lock(&l->lock);
	pthread_cond_signal(&l->needed);
	pthread_mutex_unlock(&l->lock);
}

/* Only where no other worker is at work, which would have the processor. Gives way to every other
 * thread that has work. A request that is there already is another program's than the one that got
 * the last answer: one more worker is called. */
static void poll_for_request(struct fuse_loop *l)
{
	int64_t start = clock_us();

	if (l->waiting + l->aside < l->count || !came_within(l, BRISK) ||
	    atomic_exchange(&l->polling, true))
		return;
	if (is_pending(l))
		call_one(l);
	while (!is_pending(l) && clock_us() - start < POLL_FOR)
		sched_yield();
	atomic_store(&l->polling, false);
}

void fuse_loop_go_on(struct fuse_loop *l)
{
	if (l->waiting == 0)
		call_one(l);
}

/* For a worker that has served a request: one waits for the next, and no other one is at work, so that
 * requests seem to come from one program alone. */
static bool is_not_needed(struct fuse_loop *l)
{
	unsigned waiting = l->waiting;

	return waiting > 0 && waiting + l->aside + 1 >= l->count && came_within(l, BRISK);
}

static bool is_called(struct fuse_loop *l)
{
	return atomic_exchange(&l->wanted, false) || (l->waiting == 0 && is_pending(l));
}

/* Until it is called, requests come no more, or one is there and nobody waits for it. */
static void stand_aside(struct fuse_loop *l)
{
	pthread_mutex_lock(&l->lock);
	atomic_fetch_add(&l->aside, 1);
	while (!l->stopping && came_within(l, LULL) && !is_called(l)) {
		if (l->watched) {
			pthread_cond_wait(&l->needed, &l->lock);
		} else {
			l->watched = true;
			clock_cond_wait(&l->needed, &l->lock, clock_ms() + 1);
			l->watched = false;
		}
	}
	atomic_fetch_sub(&l->aside, 1);
	pthread_cond_signal(&l->needed); /* another one watches, or follows */
	pthread_mutex_unlock(&l->lock);
}

/* Bytes, 0 at the end of the connection, or -errno. Requests that end before they are read, and
 * signals, are nothing. */
static ssize_t read_request(int fd, struct fuse_buf *b)
{
	ssize_t n;

	do
		n = read(fd, b->mem, BUFFER_SIZE);
	while (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN));
	if (n < 0)
		return errno == ENODEV || errno == ECONNABORTED ? 0 : -errno;
	b->size = (size_t)n;
	return n;
}

static ssize_t wait_for_request(struct fuse_loop *l, struct loop_worker *w)
{
	ssize_t n;

	poll_for_request(l);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = read_request(l->fd, &w->request);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	atomic_store_explicit(&l->last, clock_us(), memory_order_relaxed);
	return n;
}

/* Where a worker that is cancelled ends. Its functions have not returned, so AddressSanitizer would
 * take their variables for guarded still when the stack is used again. */
static void leave_stack(void *arg)
{
	(void)arg;
#ifdef __SANITIZE_ADDRESS__
	__asan_handle_no_return();
#endif
}

static int start_worker(struct fuse_loop *l);

static void *fuse_loop_work(void *arg)
{
	struct loop_worker *w = arg;
	struct fuse_loop *l = w->loop;
	ssize_t n;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_push(leave_stack, NULL);
	while ((n = wait_for_request(l, w)) > 0) {
		bool last = atomic_fetch_sub(&l->waiting, 1) == 1;

		if (last && l->aside == 0)
			start_worker(l);
		else if (last && is_pending(l))
			call_one(l);
		fuse_session_process_buf(l->fuse, &w->request);
		if (is_not_needed(l))
			stand_aside(l);
		atomic_fetch_add(&l->waiting, 1);
	}
	pthread_cleanup_pop(0);
	if (n < 0)
		atomic_store(&l->error, (int)n);
	ending_tell(l->ending);
	return NULL;
}

static int create_thread(struct fuse_loop *l, struct loop_worker *w)
{
	pthread_attr_t attr;
	int r;

	w->loop = l;
	w->request.mem = malloc(BUFFER_SIZE);
	if (!w->request.mem)
		return ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	r = pthread_create(&w->thread, &attr, fuse_loop_work, w);
	pthread_attr_destroy(&attr);
	if (r) {
		free(w->request.mem);
		w->request.mem = NULL;
	}
	return r;
}

/* 0 also where there are enough of them, or the end has begun. */
static int start_worker(struct fuse_loop *l)
{
	int r = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->stopping && !l->full && l->count < FUSE_LOOP_WORKERS) {
		atomic_fetch_add(&l->waiting, 1);
		assert(!l->workers[l->count].request.mem);
		r = create_thread(l, &l->workers[l->count]);
		atomic_fetch_add(r ? &l->waiting : &l->count, r ? -1u : 1);
		l->full = r;
	}
	pthread_mutex_unlock(&l->lock);
	if (r)
		log_write(LOG_WARNING, "%u threads serve the mount, and there are no more: %s",
			  fuse_loop_workers(l), strerror(r));
	return -r;
}

int fuse_loop_start(struct fuse_session *fuse, struct ending *ending, struct fuse_loop **out,
		    struct err *err)
{
	struct fuse_loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_nomem(err);
	l->fuse = fuse;
	l->ending = ending;
	l->fd = fuse_session_fd(fuse);
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->needed);
	*out = l;
	r = start_worker(l);
	return r < 0 ? err_set(err, -r, "cannot start a thread that serves the mount: %s",
			       strerror(-r))
		     : 0;
}

unsigned fuse_loop_workers(const struct fuse_loop *l)
{
	return atomic_load_explicit(&l->count, memory_order_relaxed);
}

int fuse_loop_error(const struct fuse_loop *l)
{
	return atomic_load(&l->error);
}

void fuse_loop_stop(struct fuse_loop *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_broadcast(&l->needed);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->count; i++)
		pthread_cancel(l->workers[i].thread);
	for (unsigned i = 0; i < l->count; i++)
		pthread_join(l->workers[i].thread, NULL);
	for (unsigned i = 0; i < FUSE_LOOP_WORKERS; i++)
		free(l->workers[i].request.mem);
	pthread_cond_destroy(&l->needed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- INIT ---- */

/*
 * libfuse before 3.16.2 takes FUSE_CAP_PARALLEL_DIROPS and does not pass it on. The kernel then
 * sends one LOOKUP at a time for a directory: all others wait behind one that waits for a registry.
 * So libfuse gives its answer to INIT to a socket, and what reaches the kernel has the flag.
 */
static int answer_by_way_of_socket(struct fuse_session *fuse, const struct fuse_buf *request)
{
	int fd = fuse_session_fd(fuse), ends[2];
	autoclose int device = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} reply;
	ssize_t n = -1;

	/* dup3 says it once more, as ThreadSanitizer does not follow fcntl: what is written to a
	 * descriptor happens before what is read from it. */
	if (device < 0 || dup3(fd, device, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	if (dup3(ends[1], fd, O_CLOEXEC) == fd) {
		fuse_session_process_buf(fuse, request);
		n = recv(ends[0], &reply, sizeof(reply), MSG_DONTWAIT);
		dup3(device, fd, O_CLOEXEC);
	}
	close(ends[0]);
	close(ends[1]);
	if (n < (ssize_t)sizeof(reply.header))
		return -EPROTO;
	if (n >= (ssize_t)(sizeof(reply.header) + offsetof(struct fuse_init_out, flags) +
			   sizeof(reply.init.flags)))
		reply.init.flags |= FUSE_PARALLEL_DIROPS;
	return write(fd, &reply, (size_t)n) < 0 ? -errno : 0;
}

int fuse_loop_greet(struct fuse_session *fuse, struct err *err)
{
	autofree void *mem = malloc(BUFFER_SIZE);
	struct fuse_buf request = {.mem = mem};
	ssize_t n;
	int r = 0;

	if (!mem)
		return err_nomem(err);
	n = read_request(fuse_session_fd(fuse), &request);
	if (n > 0 && fuse_version() < 317)
		r = answer_by_way_of_socket(fuse, &request);
	else if (n > 0)
		fuse_session_process_buf(fuse, &request);
	if (n <= 0)
		r = n ? (int)n : -ENODEV;
	if (!r && fuse_session_exited(fuse))
		r = -EPROTO;
	return r < 0 ? err_set(err, -r, "the first message of the kernel: %s", strerror(-r)) : 0;
}

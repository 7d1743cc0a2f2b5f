/* SPDX-License-Identifier: MIT */
/* The workers and the notifications of a session whose device is a socket: this test is the
 * kernel. */
#include "fs/fuse/fuse_loop.h"
#include "fs/fuse/fuse_notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

struct scene {
	struct fuse_session *fuse;
	struct ending *ending;
	struct fuse_loop *loop;
	int kernel; /* the other end of the device */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned inside; /* calls of getattr */
	bool open;	 /* they may answer */
};

/* Waits for the test, as a worker does that is busy. */
static void slow_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct scene *s = fuse_req_userdata(req);

	(void)ino;
	(void)fi;
	pthread_mutex_lock(&s->lock);
	s->inside++;
	pthread_cond_broadcast(&s->changed);
	while (!s->open)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	fuse_reply_err(req, EDOM);
}

/* Not every libfuse wants it by itself. */
static void init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= conn->capable & FUSE_CAP_PARALLEL_DIROPS;
}

static const struct fuse_lowlevel_ops ops = {.init = init, .getattr = slow_getattr};

static void send_request(struct scene *s, uint32_t opcode, uint64_t unique, const void *arg,
			 size_t len)
{
	char message[256] = {0};
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + len),
					.opcode = opcode,
					.unique = unique,
					.nodeid = 1};

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), arg, len);
	assert_int_equal(send(s->kernel, message, header.len, 0), header.len);
}

static void send_getattr(struct scene *s, uint64_t unique)
{
	struct fuse_getattr_in arg = {0};

	send_request(s, FUSE_GETATTR, unique, &arg, sizeof(arg));
}

static void wait_inside(struct scene *s, unsigned count)
{
	pthread_mutex_lock(&s->lock);
	while (s->inside < count)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void let_answer(struct scene *s)
{
	pthread_mutex_lock(&s->lock);
	s->open = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void hold_answers(struct scene *s)
{
	pthread_mutex_lock(&s->lock);
	s->open = false;
	s->inside = 0;
	pthread_mutex_unlock(&s->lock);
}

/* A session that has not been greeted. */
static void open_scene(struct scene *s)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int ends[2];
	char path[32];

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	s->kernel = ends[0];
	assert_int_equal(fuse_opt_add_arg(&args, "test"), 0);
	s->fuse = fuse_session_new(&args, &ops, sizeof(ops), s);
	fuse_opt_free_args(&args);
	assert_non_null(s->fuse);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	assert_int_equal(fuse_session_mount(s->fuse, path), 0);
	assert_int_equal(ending_open(&s->ending, NULL), 0);
}

static void greet(struct scene *s, struct fuse_init_out *out)
{
	struct fuse_init_in init = {.major = FUSE_KERNEL_VERSION,
				    .minor = FUSE_KERNEL_MINOR_VERSION,
				    .max_readahead = 1 << 20,
				    .flags =
					FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_ASYNC_READ};
	char reply[4096];

	send_request(s, FUSE_INIT, 2, &init, sizeof(init));
	assert_int_equal(fuse_loop_greet(s->fuse, NULL), 0);
	assert_int_equal(recv(s->kernel, reply, sizeof(reply), 0),
			 sizeof(struct fuse_out_header) + sizeof(*out));
	memcpy(out, reply + sizeof(struct fuse_out_header), sizeof(*out));
}

static void open_served(struct scene *s)
{
	struct fuse_init_out init;

	open_scene(s);
	greet(s, &init);
	assert_int_equal(fuse_loop_start(s->fuse, s->ending, &s->loop, NULL), 0);
}

static void close_scene(struct scene *s)
{
	fuse_loop_stop(s->loop);
	fuse_session_unmount(s->fuse);
	fuse_session_destroy(s->fuse);
	ending_close(s->ending);
	close(s->kernel);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static void lookups_of_a_directory_go_side_by_side_with_every_libfuse(void **state)
{
	struct fuse_init_out init;
	struct scene s;

	(void)state;
	open_scene(&s);
	greet(&s, &init);
	assert_true(init.flags & FUSE_PARALLEL_DIROPS);
	assert_int_equal(init.major, FUSE_KERNEL_VERSION);
	assert_true(fcntl(fuse_session_fd(s.fuse), F_GETFD) & FD_CLOEXEC);
	close_scene(&s);
}

static void a_device_that_ends_before_the_greeting_is_an_error(void **state)
{
	struct scene s;
	struct err err = {0};

	(void)state;
	open_scene(&s);
	close(s.kernel);
	s.kernel = -1;
	assert_true(fuse_loop_greet(s.fuse, &err) < 0);
	assert_non_null(strstr(err.text, "first message"));
	close_scene(&s);
}

static void receive_answer(struct scene *s)
{
	struct fuse_out_header reply;

	assert_int_equal(recv(s->kernel, &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(reply.error, -EDOM);
}

static void there_are_as_many_workers_as_requests_that_take_long(void **state)
{
	struct scene s;

	(void)state;
	open_served(&s);
	assert_int_equal(fuse_loop_workers(s.loop), 1);
	for (unsigned i = 0; i < FUSE_LOOP_WORKERS; i++)
		send_getattr(&s, 10 + 2 * i);
	wait_inside(&s, FUSE_LOOP_WORKERS);
	assert_int_equal(fuse_loop_workers(s.loop), FUSE_LOOP_WORKERS);
	let_answer(&s);
	for (unsigned i = 0; i < FUSE_LOOP_WORKERS; i++)
		receive_answer(&s);
	close_scene(&s);
}

/* Requests that take long come while those that come one after the other have all but one worker
 * stand aside. */
static void workers_that_stand_aside_come_back_for_requests_that_take_long(void **state)
{
	struct scene s;

	(void)state;
	open_served(&s);
	for (unsigned round = 0; round < 20; round++) {
		let_answer(&s);
		for (unsigned i = 0; i < 200; i++) {
			send_getattr(&s, 10 + 2 * i);
			receive_answer(&s);
		}
		hold_answers(&s);
		for (unsigned i = 0; i < FUSE_LOOP_WORKERS; i++)
			send_getattr(&s, 10 + 2 * i);
		wait_inside(&s, FUSE_LOOP_WORKERS);
		let_answer(&s);
		for (unsigned i = 0; i < FUSE_LOOP_WORKERS; i++)
			receive_answer(&s);
	}
	close_scene(&s);
}

static void *stop_loop(void *arg)
{
	struct scene *s = arg;

	fuse_loop_stop(s->loop);
	s->loop = NULL;
	return NULL;
}

static void a_request_that_is_served_is_answered_before_the_workers_end(void **state)
{
	struct fuse_out_header reply;
	pthread_t stopper;
	struct scene s;

	(void)state;
	open_served(&s);
	send_getattr(&s, 10);
	wait_inside(&s, 1);
	assert_int_equal(pthread_create(&stopper, NULL, stop_loop, &s), 0);
	let_answer(&s);
	pthread_join(stopper, NULL);
	assert_int_equal(recv(s.kernel, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	assert_int_equal(reply.unique, 10);
	assert_int_equal(reply.error, -EDOM);
	close_scene(&s);
}

static void a_closed_connection_is_an_end(void **state)
{
	struct scene s;

	(void)state;
	open_served(&s);
	close(s.kernel);
	s.kernel = -1;
	ending_wait(s.ending); /* and does not wait for ever */
	close_scene(&s);
}

/* ---- notifications ---- */

static int store(struct fuse_notify *n, unsigned workers)
{
	char byte = 'x';
	struct iovec data = {&byte, 1};

	return fuse_notify_store(n, workers, 5, 0, &data, 1);
}

static void the_only_worker_does_not_store(void **state)
{
	struct fuse_notify *n;
	struct scene s;
	char message[256];

	(void)state;
	open_scene(&s);
	assert_int_equal(fuse_notify_open(s.fuse, &n, NULL), 0);
	assert_int_equal(store(n, 1), -EAGAIN);
	assert_int_equal(store(n, 2), 0);
	assert_int_equal(recv(s.kernel, message, sizeof(message), MSG_DONTWAIT),
			 sizeof(struct fuse_out_header) + sizeof(struct fuse_notify_store_out) + 1);
	assert_int_equal(recv(s.kernel, message, sizeof(message), MSG_DONTWAIT), -1);
	fuse_notify_close(n);
	close_scene(&s);
}

static void no_notification_begins_after_the_stop(void **state)
{
	struct fuse_notify *n;
	struct scene s;
	char message[256];

	(void)state;
	open_scene(&s);
	assert_int_equal(fuse_notify_open(s.fuse, &n, NULL), 0);
	fuse_notify_stop(n);
	assert_int_equal(store(n, 2), -EAGAIN);
	fuse_notify_forget_name(n, 1, "name");
	assert_int_equal(recv(s.kernel, message, sizeof(message), MSG_DONTWAIT), -1);
	fuse_notify_wait(n);
	fuse_notify_close(n);
	close_scene(&s);
}

struct waiter {
	struct fuse_notify *notify;
	atomic_bool returned;
	atomic_int stored; /* how many times, before it was refused */
};

/* Until the device is full, and then as long as that takes. */
static void *store_until_stopped(void *arg)
{
	struct waiter *w = arg;

	while (store(w->notify, 2) == 0)
		atomic_fetch_add(&w->stored, 1);
	return NULL;
}

static void *wait_for_the_last(void *arg)
{
	struct waiter *w = arg;

	fuse_notify_wait(w->notify);
	atomic_store(&w->returned, true);
	return NULL;
}

/* The number of messages that the device takes stays the same while a store waits in it. */
static void wait_until_full(struct waiter *w)
{
	int before;

	do {
		before = atomic_load(&w->stored);
		usleep(50000);
	} while (atomic_load(&w->stored) != before || !before);
}

static void the_end_waits_for_a_notification_that_the_kernel_holds(void **state)
{
	pthread_t storer, stopper;
	struct waiter w = {0};
	struct scene s;
	char message[256];

	(void)state;
	open_scene(&s);
	assert_int_equal(fuse_notify_open(s.fuse, &w.notify, NULL), 0);
	assert_int_equal(pthread_create(&storer, NULL, store_until_stopped, &w), 0);
	wait_until_full(&w);
	fuse_notify_stop(w.notify);
	assert_int_equal(pthread_create(&stopper, NULL, wait_for_the_last, &w), 0);
	usleep(20000);
	assert_false(atomic_load(&w.returned));
	while (!atomic_load(&w.returned))
		recv(s.kernel, message, sizeof(message), MSG_DONTWAIT);
	pthread_join(stopper, NULL);
	pthread_join(storer, NULL);
	fuse_notify_close(w.notify);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lookups_of_a_directory_go_side_by_side_with_every_libfuse),
	    cmocka_unit_test(a_device_that_ends_before_the_greeting_is_an_error),
	    cmocka_unit_test(there_are_as_many_workers_as_requests_that_take_long),
	    cmocka_unit_test(workers_that_stand_aside_come_back_for_requests_that_take_long),
	    cmocka_unit_test(a_request_that_is_served_is_answered_before_the_workers_end),
	    cmocka_unit_test(a_closed_connection_is_an_end),
	    cmocka_unit_test(the_only_worker_does_not_store),
	    cmocka_unit_test(no_notification_begins_after_the_stop),
	    cmocka_unit_test(the_end_waits_for_a_notification_that_the_kernel_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

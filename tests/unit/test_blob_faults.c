/* SPDX-License-Identifier: MIT */
/* Blobs when processes are killed, disks fill up, and several write one blob. */
#include "store/disk/blob.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/blob_make.h"
#include "tests/unit/until.h"

#define KILLS 10
#define PIECE 4096

/* Writes no more than its share of the blob, so that something is left for the kills to come; a
 * byte in the pipe tells of each piece. */
static void write_on(int told)
{
	struct blob_writer *w = writer();
	uint64_t end = blob_writer_offset(w) + SIZE / (KILLS + 1);

	while (blob_writer_offset(w) < end)
		if (blob_writer_write(w, data + blob_writer_offset(w), PIECE, NULL) ||
		    write(told, "x", 1) != 1)
			_exit(1);
	pause();
}

static void a_kill_in_mid_blob_is_resumed(void **state)
{
	unsigned seed = 7;
	uint64_t last = 0;
	struct blob_writer *w;

	(void)state;
	for (int i = 0; i < KILLS; i++) {
		scratch_kill_after(1 + (unsigned)rand_r(&seed) % (SIZE / PIECE / (KILLS + 1)),
				   write_on);
		store_close(store); /* as after a restart: the sweep leaves it */
		assert_int_equal(store_open(dir.path, &store, NULL), 0);
		w = writer();
		assert_true(blob_writer_offset(w) > last);
		last = blob_writer_offset(w);
		blob_writer_close(w);
	}
	w = writer();
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_whole();
}

#define WRITERS 3

/* Who has the blob writes when the others wait for it. */
static int write_before_all(struct sleeper *writers, int me)
{
	struct blob_writer *w;
	int r;

	sleeper_enter(&writers[me]);
	r = blob_writer_open(store, &digest, SIZE, NULL, &w, NULL);
	if (r)
		return r == -EEXIST ? 0 : 2;
	for (int i = 0; i < WRITERS; i++)
		if (i != me)
			sleeper_wait(&writers[i]);
	r = complete(w, NULL);
	blob_writer_close(w);
	return r ? 2 : 1;
}

static void processes_that_write_one_blob_write_it_once(void **state)
{
	const size_t size = WRITERS * sizeof(struct sleeper);
	struct sleeper *writers =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[WRITERS];
	int status, wrote = 0;

	(void)state;
	assert_true(writers != MAP_FAILED);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = scratch_fork();
		if (pids[i] == 0)
			_exit(write_before_all(writers, i));
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		wrote += WEXITSTATUS(status);
	}
	assert_int_equal(wrote, 1);
	assert_whole();
	munmap(writers, size);
}

struct opener {
	struct sleeper sleeper;
	atomic_int wrote;
};

static void *open_and_complete(void *arg)
{
	struct blob_writer *w;
	struct opener *o = arg;
	int r;

	sleeper_enter(&o->sleeper);
	r = blob_writer_open(store, &digest, SIZE, NULL, &w, NULL);
	if (r == -EEXIST)
		return arg;
	if (r || complete(w, NULL))
		return NULL;
	o->wrote++;
	blob_writer_close(w);
	return arg;
}

static void threads_that_write_one_blob_write_it_once(void **state)
{
	struct opener openers[4] = {0};
	pthread_t threads[4];
	void *result;
	int wrote = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_complete, &openers[i]),
				 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
		wrote += openers[i].wrote;
	}
	assert_int_equal(wrote, 1);
	assert_whole();
}

/* Writers that hold nothing remove their file: who opened it meanwhile must not hold what has no
 * name any more. */
static void *open_and_close(void *arg)
{
	int *holders = arg;

	for (int i = 0; i < 3000; i++) {
		struct blob_writer *w;
		bool alone;

		if (blob_writer_open(store, &digest, SIZE, NULL, &w, NULL))
			return NULL;
		alone = __atomic_add_fetch(holders, 1, __ATOMIC_ACQ_REL) == 1 &&
			faccessat(store_dirfd(store), partial, F_OK, 0) == 0;
		sched_yield();
		__atomic_sub_fetch(holders, 1, __ATOMIC_ACQ_REL);
		blob_writer_close(w);
		if (!alone)
			return NULL;
	}
	return arg;
}

static void one_writer_at_a_time_also_while_files_come_and_go(void **state)
{
	pthread_t threads[4];
	void *result;
	int holders = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &holders), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
}

static void who_waits_takes_over_when_the_other_gives_up(void **state)
{
	struct blob_writer *w = writer();
	struct opener second = {0};
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(blob_writer_write(w, data, 5000, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_and_complete, &second), 0);
	sleeper_wait(&second.sleeper);
	assert_int_equal(second.wrote, 0);
	blob_writer_close(w);
	pthread_join(thread, &result);
	assert_non_null(result);
	assert_int_equal(second.wrote, 1);
	assert_whole();
}

struct impatient {
	struct sleeper sleeper;
	struct cancel cancel;
};

static void *cancel_when_it_sleeps(void *arg)
{
	struct impatient *i = arg;

	sleeper_wait(&i->sleeper);
	cancel_set(&i->cancel);
	return NULL;
}

static void a_wait_for_another_writer_can_be_cancelled(void **state)
{
	struct blob_writer *w = writer(), *second;
	struct impatient i = {0};
	pthread_t thread;

	(void)state;
	cancel_init(&i.cancel);
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_sleeps, &i), 0);
	sleeper_enter(&i.sleeper);
	assert_int_equal(blob_writer_open(store, &digest, SIZE, &i.cancel, &second, NULL), -EINTR);
	pthread_join(thread, NULL);
	assert_int_equal(complete(w, NULL), 0); /* the first one is none the worse for it */
	blob_writer_close(w);
	assert_whole();
	cancel_destroy(&i.cancel);
}

static void a_cancelled_open_keeps_what_is_held(void **state)
{
	struct blob_writer *w = writer();
	struct cancel cancel;

	(void)state;
	assert_int_equal(blob_writer_write(w, data, 5000, NULL), 0);
	blob_writer_close(w);
	cancel_init(&cancel);
	cancel_set(&cancel);
	assert_int_equal(blob_writer_open(store, &digest, SIZE, &cancel, &w, NULL), -EINTR);
	cancel_destroy(&cancel);
	w = writer();
	assert_int_equal(blob_writer_offset(w), 5000);
	blob_writer_close(w);
}

/* The bytes that fit stay, hashed and whole, and the rest follows when there is room. */
static void assert_resumes_after(struct blob_writer *w, uint64_t held)
{
	struct stat st;

	assert_int_equal(fstatat(store_dirfd(store), partial, &st, 0), 0);
	assert_int_equal(st.st_size, held);
	assert_int_equal(blob_writer_offset(w), held);
	blob_writer_close(w);
}

static void a_full_disk_keeps_a_consistent_partial_blob(void **state)
{
	struct blob_writer *w;
	struct err err = {0};
	uint64_t held;
	char disk[300];
	int r = 0;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	mkdirat(dir.fd, "disk", 0700);
	strcpy(disk, scratch_path(&dir, "disk"));
	assert_int_equal(mount("none", disk, "tmpfs", 0, "size=1m,mode=0700"), 0);
	store_close(store);
	assert_int_equal(store_open(disk, &store, NULL), 0);
	w = writer();
	while (!r)
		r = blob_writer_write(w, data + blob_writer_offset(w), 70000, &err);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(err.code, ENOSPC);
	held = blob_writer_offset(w);
	assert_true(held > 500000 && held < 1 << 20);
	assert_resumes_after(w, held);
	assert_int_equal(mount("none", disk, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	w = writer();
	assert_int_equal(blob_writer_offset(w), held);
	assert_int_equal(complete(w, NULL), 0);
	blob_writer_close(w);
	assert_true(blob_exists(store, &digest, SIZE));
	store_close(store);
	assert_int_equal(umount(disk), 0);
	assert_int_equal(store_open(dir.path, &store, NULL), 0);
}

static void a_file_size_limit_is_an_error_not_a_crash(void **state)
{
	struct rlimit old, small = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
	struct blob_writer *w = writer();
	int r;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(blob_writer_write(w, data, 60000, NULL), 0);
	r = blob_writer_write(w, data + 60000, 60000, NULL);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(r, -EFBIG);
	assert_resumes_after(w, 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_kill_in_mid_blob_is_resumed),
	    TEST(processes_that_write_one_blob_write_it_once),
	    TEST(threads_that_write_one_blob_write_it_once),
	    TEST(one_writer_at_a_time_also_while_files_come_and_go),
	    TEST(who_waits_takes_over_when_the_other_gives_up),
	    TEST(a_wait_for_another_writer_can_be_cancelled),
	    TEST(a_cancelled_open_keeps_what_is_held),
	    TEST(a_full_disk_keeps_a_consistent_partial_blob),
	    TEST(a_file_size_limit_is_an_error_not_a_crash),
	};

	return cmocka_run_group_tests(tests, setup_data, teardown_data);
}

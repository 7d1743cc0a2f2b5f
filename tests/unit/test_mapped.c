/* SPDX-License-Identifier: MIT */
#include "store/base/mapped.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>
#include "tests/unit/emulator.h"
#include "tests/unit/scratch.h"

#define PAGE  4096
#define PAGES 64
#define SIZE  (PAGES * PAGE)

static struct scratch dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_drop(&dir);
	return 0;
}

/* A file of bytes 7, mapped; the descriptor stays open for who wants to cut it. */
static int make(const char *name, struct mapped **out)
{
	char data[SIZE];
	struct err err;
	int fd;

	memset(data, 7, sizeof(data));
	scratch_write(&dir, name, data, sizeof(data));
	fd = openat(dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(mapped_open(fd, SIZE, out, &err), 0);
	return fd;
}

static unsigned byte_at(const struct mapped *m, size_t at)
{
	return ((const volatile uint8_t *)mapped_data(m))[at];
}

static void what_is_there_is_read(void **state)
{
	AUTO(mapped_close) struct mapped *m = NULL;

	(void)state;
	close(make("f", &m));
	for (size_t i = 0; i < SIZE; i += PAGE / 2)
		assert_int_equal(byte_at(m, i), 7);
	assert_false(mapped_damaged(m));
}

static void a_file_that_is_cut_gives_zeros_and_is_marked(void **state)
{
	AUTO(mapped_close) struct mapped *m = NULL, *other = NULL;
	int fd = make("f", &m);

	(void)state;
	needs_fault_address();
	close(make("other", &other));
	assert_int_equal(ftruncate(fd, PAGE), 0);
	close(fd);
	assert_int_equal(byte_at(m, 0), 7);
	assert_false(mapped_damaged(m));
	assert_int_equal(byte_at(m, 9 * PAGE), 0);
	assert_true(mapped_damaged(m));
	for (size_t i = 0; i < SIZE; i += PAGE)
		assert_int_equal(byte_at(m, i), 0);
	assert_int_equal(byte_at(other, 9 * PAGE), 7);
	assert_false(mapped_damaged(other));
}

static void the_next_mapping_is_whole_again(void **state)
{
	AUTO(mapped_close) struct mapped *again = NULL;
	struct mapped *m;
	int fd = make("f", &m);

	(void)state;
	needs_fault_address();
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	assert_int_equal(byte_at(m, 0), 0);
	mapped_close(m);
	close(make("f", &again));
	assert_int_equal(byte_at(again, 9 * PAGE), 7);
	assert_false(mapped_damaged(again));
}

static void system_calls_get_efault_and_do_no_harm(void **state)
{
	AUTO(mapped_close) struct mapped *m = NULL;
	int fd = make("f", &m), null = openat(dir.fd, "out", O_WRONLY | O_CREAT, 0600);

	(void)state;
	needs_fault_address();
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	assert_int_equal(write(null, mapped_data(m), 10), -1);
	assert_false(mapped_damaged(m));
	assert_int_equal(byte_at(m, 0), 0);
	assert_true(mapped_damaged(m));
	close(null);
}

/* What ends a child that has a mapping and no other handler. */
static int end_of_child(void (*run)(const volatile char *gone))
{
	struct mapped *m;
	int status, fd = openat(dir.fd, "gone", O_RDWR | O_CREAT, 0600);
	const volatile char *gone = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	pid_t pid = scratch_fork();

	if (pid == 0) {
		signal(SIGBUS, SIG_DFL); /* that of cmocka */
		close(make("f", &m));
		run(gone);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	munmap((void *)gone, PAGE);
	close(fd);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void touch(const volatile char *gone)
{
	(void)gone[0];
}

static void send_one(const volatile char *gone)
{
	(void)gone;
	kill(getpid(), SIGBUS);
}

static void other_faults_end_the_process_as_ever(void **state)
{
	(void)state;
	assert_int_equal(end_of_child(touch), SIGBUS);
	assert_int_equal(end_of_child(send_one), SIGBUS);
}

/* ---- many threads ---- */

#define READERS 4
#define ROUNDS	200

struct side {
	pthread_t thread;
	struct mapped *m;
	atomic_bool *cut;
	bool wrong, saw;
};

/* Either the byte is right, or the mapping says that it is damaged. */
static void *read_all(void *arg)
{
	struct side *s = arg;

	for (;;) {
		bool last = atomic_load(s->cut);

		for (size_t i = 0; i < SIZE; i += PAGE)
			if (byte_at(s->m, i) != 7) {
				s->saw = true;
				s->wrong |= !mapped_damaged(s->m);
			}
		if (last)
			return NULL;
	}
}

/* Mappings come and go beside, maybe at the addresses of those before. */
static void *open_and_close(void *arg)
{
	struct side *s = arg;
	int fd = openat(dir.fd, "beside", O_RDONLY | O_CLOEXEC);

	while (!atomic_load(s->cut)) {
		struct mapped *m;

		if (mapped_open(fd, SIZE, &m, NULL) < 0)
			break;
		s->wrong |= byte_at(m, PAGE) != 7 || mapped_damaged(m);
		mapped_close(m);
	}
	close(fd);
	return NULL;
}

static void no_thread_takes_a_zero_for_a_byte(void **state)
{
	struct mapped *beside;

	(void)state;
	close(make("beside", &beside));
	for (int round = 0; round < ROUNDS; round++) {
		atomic_bool cut = false;
		struct mapped *m;
		struct side sides[READERS + 1];
		int fd = make("f", &m);

		for (int i = 0; i <= READERS; i++) {
			sides[i] = (struct side){.m = m, .cut = &cut};
			assert_int_equal(pthread_create(&sides[i].thread, NULL,
							i < READERS ? read_all : open_and_close,
							&sides[i]),
					 0);
		}
		assert_int_equal(ftruncate(fd, round % PAGES * PAGE), 0);
		atomic_store(&cut, true);
		for (int i = 0; i <= READERS; i++) {
			pthread_join(sides[i].thread, NULL);
			assert_false(sides[i].wrong);
			assert_true(i == READERS || sides[i].saw);
		}
		close(fd);
		mapped_close(m);
	}
	assert_false(mapped_damaged(beside));
	mapped_close(beside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_there_is_read),
	    TEST(a_file_that_is_cut_gives_zeros_and_is_marked),
	    TEST(the_next_mapping_is_whole_again),
	    TEST(system_calls_get_efault_and_do_no_harm),
	    TEST(other_faults_end_the_process_as_ever),
	    TEST(no_thread_takes_a_zero_for_a_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

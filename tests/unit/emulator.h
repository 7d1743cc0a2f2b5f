/* SPDX-License-Identifier: MIT */
/*
 * What a test needs of the machine, and qemu-user lacks for some of them: the test is skipped there. qemu-s390x (11.1) has
 * times without nanoseconds in fstat(2), and no address with a SIGBUS. Only where $EMULATOR is set is it looked at.
 */
#ifndef TESTS_EMULATOR_H
#define TESTS_EMULATOR_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static sigjmp_buf emulator_back;
static void *volatile emulator_fault;

static inline void emulator_on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	emulator_fault = info->si_addr;
	siglongjmp(emulator_back, 1);
}

static inline int emulator_file(void)
{
	int fd = memfd_create("emulator", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline void needs_nanoseconds(void)
{
	const struct timespec times[2] = {{1, 1}, {1, 1}};
	struct stat st;
	int fd;

	if (!getenv("EMULATOR"))
		return;
	fd = emulator_file();
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	if (!st.st_mtim.tv_nsec)
		skip();
}

static inline void needs_fault_address(void)
{
	struct sigaction action = {.sa_sigaction = emulator_on_fault, .sa_flags = SA_SIGINFO};
	struct sigaction before;
	volatile char *page;
	int fd;

	if (!getenv("EMULATOR"))
		return;
	fd = emulator_file();
	page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(emulator_back, 1))
		(void)*page;
	sigaction(SIGBUS, &before, NULL);
	munmap((void *)page, 1);
	close(fd);
	if (emulator_fault != page)
		skip();
}

#endif

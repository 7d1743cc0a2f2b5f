#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a program for s390x sees under qemu-user of the times of a file, and of the address of a page that is not there.
#
# Guess: user-mode emulation hands both on, as for other processors: statx(2) and fstat(2) agree, and si_addr is the address.
# Seen (Debian 13, qemu-user 10.0.13; the same with 11.1.3): statx has the nanoseconds of st_mtime, fstat has 0 there. A read behind
# the end of a mapped file is SIGBUS, BUS_ADRERR, with the two halves of the 64-bit address swapped in si_addr; SIGSEGV has it right.
# qemu-aarch64 of the same package has the nanoseconds, and the address of SIGBUS.
# So: tests of a big-endian build that compare times by fstat, or a handler of SIGBUS that looks its address up, fail there and are right.
. "$(dirname "$0")/lib.sh"
debian13 qemu-user=1:10.0.13+ds-0+deb13u1 gcc-s390x-linux-gnu=4:14.2.0-1 libc6-dev-s390x-cross=2.41-11cross1 \
    gcc-aarch64-linux-gnu=4:14.2.0-1 libc6-dev-arm64-cross=2.41-11cross1
cat >"$T/13/data/see.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 16384

static sigjmp_buf back;
static siginfo_t got;

static void on_fault(int number, siginfo_t *info, void *context)
{
	got = *info;
	siglongjmp(back, 1);
}

static void say(const char *what, char *page)
{
	uint64_t is = (uintptr_t)got.si_addr, page_of_it = is & ~(uint64_t)4095;
	uint64_t swapped = is << 32 | is >> 32, right = (uintptr_t)page;

	printf("%s: si_addr %s\n", what,
	       page_of_it == right ? "is in the page" : (swapped & ~(uint64_t)4095) == right ? "has its halves swapped" : "is another");
}

int main(void)
{
	const struct timespec times[2] = {{5, 123}, {5, 456}};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	int fd = memfd_create("file", 0);
	struct statx x;
	struct stat st;
	char *p;

	ftruncate(fd, PAGES);
	p = mmap(NULL, PAGES, PROT_READ, MAP_PRIVATE, fd, 0);
	ftruncate(fd, 0);
	futimens(fd, times);
	fstat(fd, &st);
	statx(fd, "", AT_EMPTY_PATH, STATX_MTIME, &x);
	printf("nanoseconds: statx %u, fstat %ld\n", x.stx_mtime.tv_nsec, (long)st.st_mtim.tv_nsec);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (!sigsetjmp(back, 1))
		(void)((volatile char *)p)[4096];
	say("SIGBUS", p + 4096);
	mprotect(p, PAGES, PROT_NONE);
	if (!sigsetjmp(back, 1))
		(void)((volatile char *)p)[4096];
	say("SIGSEGV", p + 4096);
	return 0;
}
END
see() { in13 "$1-linux-gnu-gcc" -w -static -o "/data/see-$1" /data/see.c && in13 "qemu-$1" "/data/see-$1"; }
expected="s390x
nanoseconds: statx 456, fstat 0
SIGBUS: si_addr has its halves swapped
SIGSEGV: si_addr is in the page
aarch64
nanoseconds: statx 456, fstat 456
SIGBUS: si_addr is in the page
SIGSEGV: si_addr is in the page"
seen="s390x
$(see s390x)
aarch64
$(see aarch64)"
echo "$seen"
[[ $seen == "$expected" ]]

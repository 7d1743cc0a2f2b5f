/* SPDX-License-Identifier: MIT */
#include "fs/daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stacks: what glibc takes for threads where there is no limit, and for the first thread. */
#define THREAD_STACK (2u << 20)
#define FIRST_STACK  (8u << 20)

/* Open files: about 30 while nothing is read, then those of layers and connections. */
#define FILES_MIN 64

/*
 * A file or socket that is opened gets the lowest free number. With one of these closed, the store
 * or the parent's pipe would be what messages are written to, and what going to the background
 * puts /dev/null in the place of.
 */
static int open_standard(struct err *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) < 0 && open("/", O_RDONLY | O_DIRECTORY) < 0)
			return err_sys(
			    err, "standard descriptor %d is closed, and cannot be opened", fd);
	}
	return 0;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

/*
 * A signal that nobody has asked for would end the process, and leave a dead mount behind. So those
 * that mean nothing here are ignored, and those that report a write come back as its errno. Those
 * that end the mount are taken by fs/daemon/ending.c. Whoever started this may have ignored SIGCHLD
 * (then nobody could wait for a helper), or blocked any of them, or left one pending: so they are
 * let in last.
 */
static void set_signals(void)
{
	static const int ignored[] = {
	    SIGPIPE,   SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	    SIGPROF,   SIGIO,	SIGPWR,	 SIGTTIN, SIGTTOU,
#ifdef SIGSTKFLT
	    SIGSTKFLT,
#endif
	};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		handle(ignored[i], SIG_IGN);
	for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
		handle(i, SIG_IGN);
	handle(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Up to `wanted`, or to all that may be, which is returned. */
static rlim_t raise_limit(int what, rlim_t wanted)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0)
		return wanted;
	if (l.rlim_cur < wanted) {
		l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
		setrlimit(what, &l);
	}
	return l.rlim_cur;
}

static int raise_files(struct err *err)
{
	rlim_t files = raise_limit(RLIMIT_NOFILE, RLIM_INFINITY);

	if (files >= FILES_MIN)
		return 0;
	return err_set(err, EMFILE, "%llu files may be open (ulimit -n), %d at least are needed",
		       (unsigned long long)files, FILES_MIN);
}

/* A thread's stack would else be as large as the limit says: 64 KiB is too little for a decoder, a
 * gigabyte more address space than there may be. */
static void set_stacks(void)
{
	pthread_attr_t attr;

	raise_limit(RLIMIT_STACK, FIRST_STACK);
	if (pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

void process_detach(int keep)
{
	setsid();
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
	close_range((unsigned)keep + 1, ~0u, 0);
}

void process_rest(void)
{
	malloc_trim(0);
}

int process_begin(struct err *err)
{
	int r = open_standard(err);

	if (r < 0)
		return r;
	set_signals();
	/* What the owner of the store may not read is of no use; the rest is the user's choice. */
	umask(umask(0) & ~(mode_t)S_IRWXU);
	set_stacks();
	/* Memory goes back when it is freed: decoded spans are mapped, and there are few arenas. A
	 * decoder's 200 KiB stay for the next one. */
	mallopt(M_MMAP_THRESHOLD, 512 << 10);
	mallopt(M_TRIM_THRESHOLD, 2 << 20);
	mallopt(M_ARENA_MAX, 4);
	prctl(PR_SET_DUMPABLE, 0); /* credentials stay out of core files */
	return raise_files(err);
}

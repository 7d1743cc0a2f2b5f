/* SPDX-License-Identifier: MIT */
#include "fs/daemon/guard.h"

#include "fs/daemon/dead_mount.h"
#include "store/base/clock.h"
#include "store/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_NAME "imagefs-guard"
#define DEATH	   SIGUSR1 /* of the daemon's main thread */
#define WORDS_FD   3	   /* the guard's end */

enum guard_word { GUARD_MOUNTED, GUARD_ENDING, GUARD_DONE };

struct guard_message {
	uint32_t word;
	uint32_t device;
};

/* The daemon's side. */
struct guard {
	pid_t pid;
	int fd;
};

/* The guard's side. */
struct watch {
	const char *mountpoint;
	int deaths;   /* a signalfd */
	int abort_fd; /* fusectl's file of the connection: it means this one, and never the next
		       * that gets its number; or -1 */
	bool done;    /* there is no mount any more */
	int64_t deadline_ms; /* 0: none */
};

/* fusectl is mounted there, or root sees it through a mount of its own that has no place. */
static int open_abort(unsigned device)
{
	char path[64];
	int fd, fs, dir;

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fs = fsopen("fusectl", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -1;
	dir = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0
		  ? -1
		  : fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	if (dir < 0)
		return -1;
	snprintf(path, sizeof(path), "%u/abort", device);
	fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	close(dir);
	return fd;
}

static void forget_connection(struct watch *w)
{
	if (w->abort_fd >= 0)
		close(w->abort_fd);
	w->abort_fd = -1;
	w->deadline_ms = 0;
}

static void abort_connection(struct watch *w)
{
	/* It fails where there is no such connection any more. */
	if (w->abort_fd >= 0 && write(w->abort_fd, "1", 1) < 0)
		errno = 0;
	forget_connection(w);
}

/* False at the end of the words: the daemon is gone, with all its threads. */
static bool take_word(struct watch *w)
{
	struct guard_message m;

	if (read(WORDS_FD, &m, sizeof(m)) != sizeof(m))
		return false;
	switch ((enum guard_word)m.word) {
	case GUARD_MOUNTED:
		w->abort_fd = open_abort(m.device);
		break;
	case GUARD_ENDING:
		w->deadline_ms = clock_ms() + GUARD_LIMIT_MS;
		break;
	case GUARD_DONE:
		w->done = true;
		forget_connection(w);
		break;
	}
	return true;
}

static int wait_ms(const struct watch *w)
{
	int64_t left = w->deadline_ms - clock_ms();

	return !w->deadline_ms ? -1 : left > 0 ? (int)left : 0;
}

_Noreturn static void watch(struct watch *w)
{
	for (;;) {
		struct pollfd in[] = {{.fd = WORDS_FD, .events = POLLIN},
				      {.fd = w->deaths, .events = POLLIN}};
		struct signalfd_siginfo info;
		int n = poll(in, 2, wait_ms(w));

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && in[0].revents) { /* first what it has said before it died */
			if (!take_word(w))
				break;
		} else if (n == 0 || (n > 0 && read(w->deaths, &info, sizeof(info)) > 0)) {
			abort_connection(w);
		}
	}
	/* It may have died before it could tell of its mount. */
	if (!w->done && dead_mount_at(w->mountpoint))
		dead_mount_detach(w->mountpoint);
	_exit(0);
}

/* So that ps tells it from the daemon. The arguments lie one behind the other, in whatever order
 * argv has them by now. */
static void rename_process(int argc, char **argv, const char *mountpoint)
{
	char name[4096], *begin = argv[0], *end = argv[0];
	int len = snprintf(name, sizeof(name), GUARD_NAME " %s", mountpoint);
	size_t room;

	for (int i = 0; i < argc; i++) {
		char *behind = argv[i] + strlen(argv[i]);

		begin = argv[i] < begin ? argv[i] : begin;
		end = behind > end ? behind : end;
	}
	prctl(PR_SET_NAME, GUARD_NAME);
	room = (size_t)(end - begin);
	memset(begin, 0, room);
	if (len > 0)
		memcpy(begin, name, (size_t)len < room ? (size_t)len : room);
}

/* In the new process: nothing of the daemon stays open, and no signal but DEATH means anything. */
_Noreturn static void be_guard(int argc, char **argv, const char *mountpoint, pid_t daemon, int fd)
{
	struct watch w = {.mountpoint = mountpoint, .abort_fd = -1};
	sigset_t all, death;
	int null;

	if (dup2(fd, WORDS_FD) < 0)
		_exit(1);
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < WORDS_FD; i++)
		dup2(null, i);
	closefrom(WORDS_FD + 1);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(DEATH, SIG_DFL); /* the daemon ignores it */
	sigemptyset(&death);
	sigaddset(&death, DEATH);
	w.deaths = signalfd(-1, &death, SFD_CLOEXEC);
	setsid();
	/* Sent when the thread ends that has made this process, which it may have done by now. */
	if (w.deaths < 0 || chdir("/") < 0 || prctl(PR_SET_PDEATHSIG, DEATH) < 0)
		_exit(1);
	if (getppid() != daemon)
		raise(DEATH);
	rename_process(argc, argv, mountpoint);
	if (write(WORDS_FD, "", 1) != 1)
		_exit(1);
	watch(&w);
}

int guard_start(int argc, char **argv, const char *mountpoint, struct guard **out, struct err *err)
{
	AUTO(guard_close) struct guard *g = calloc(1, sizeof(*g));
	pid_t daemon = getpid();
	int ends[2];
	char ready;

	if (!g)
		return err_nomem(err);
	g->pid = g->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "a socket for the guard of the mount");
	g->pid = fork();
	if (g->pid == 0)
		be_guard(argc, argv, mountpoint, daemon, ends[1]);
	g->fd = ends[0];
	close(ends[1]);
	if (g->pid < 0)
		return err_sys(err, "starting the guard of the mount");
	if (recv(g->fd, &ready, 1, 0) != 1)
		return err_set(err, EIO, "the guard of the mount does not start");
	*out = steal(&g);
	return 0;
}

/* A guard that was killed hears nothing. */
static void guard_tell(struct guard *g, enum guard_word word, unsigned device)
{
	struct guard_message m = {word, device};

	send(g->fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void guard_mounted(struct guard *g, unsigned device)
{
	guard_tell(g, GUARD_MOUNTED, device);
}

void guard_ending(struct guard *g)
{
	guard_tell(g, GUARD_ENDING, 0);
}

void guard_close(struct guard *g)
{
	if (!g)
		return;
	if (g->fd >= 0) {
		guard_tell(g, GUARD_DONE, 0);
		close(g->fd);
	}
	while (g->pid > 0 && waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(g);
}

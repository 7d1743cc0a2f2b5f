/* SPDX-License-Identifier: MIT */
#include "fs/daemon/ending.h"

#include "store/base/log.h"
#include "store/base/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

struct ending {
	int signals, told;
};

/* A blocked signal that is ignored would still arrive. */
static void add_unless_ignored(sigset_t *set, int signal)
{
	struct sigaction now;

	if (sigaction(signal, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaddset(set, signal);
}

int ending_open(struct ending **out, struct err *err)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGXCPU};
	AUTO(ending_close) struct ending *e = calloc(1, sizeof(*e));
	sigset_t set;

	if (!e)
		return err_nomem(err);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		add_unless_ignored(&set, ends[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	e->told = -1;
	e->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (e->signals >= 0)
		e->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->told < 0)
		return err_sys(err, "what ends the mount");
	*out = steal(&e);
	return 0;
}

void ending_close(struct ending *e)
{
	if (!e)
		return;
	if (e->signals >= 0)
		close(e->signals);
	if (e->told >= 0)
		close(e->told);
	free(e);
}

void ending_tell(struct ending *e)
{
	uint64_t one = 1;

	if (write(e->told, &one, sizeof(one)) < 0)
		log_write(LOG_DEBUG, "the end was told before");
}

void ending_wait(const struct ending *e)
{
	struct pollfd in[] = {{.fd = e->signals, .events = POLLIN},
			      {.fd = e->told, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(in, 2, -1) < 0 && errno == EINTR)
		;
	if (in[0].revents && read(e->signals, &info, sizeof(info)) == sizeof(info))
		log_write(LOG_INFO, "ending: %s", strsignal((int)info.ssi_signo));
}

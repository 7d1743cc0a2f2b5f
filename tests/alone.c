/* SPDX-License-Identifier: MIT */
/* alone ROOT COPY <NAMES: copies files of ROOT, each by a process of its own. Each name ends with a zero byte. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static int opened(const char *root, const char *name, int flags)
{
	char path[8192];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

static void copy(const char *root, const char *to, const char *name)
{
	static char piece[1 << 15];
	int in = opened(root, name, O_RDONLY), out = opened(to, name, O_WRONLY | O_CREAT | O_EXCL);
	ssize_t n;

	while ((n = read(in, piece, sizeof(piece))) > 0)
		if (write(out, piece, (size_t)n) != n)
			die("write");
	if (n < 0)
		die(name);
	_exit(0);
}

int main(int argc, char **argv)
{
	char *name = NULL;
	size_t size = 0;
	int status;
	pid_t pid;

	if (argc != 3)
		return 2;
	while (getdelim(&name, &size, '\0', stdin) > 0) {
		pid = fork();
		if (pid == 0)
			copy(argv[1], argv[2], name);
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
			return 1;
	}
	free(name);
	return 0;
}

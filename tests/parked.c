/* SPDX-License-Identifier: MIT */
/*
 * parked COUNT stat|read PATH STATS: COUNT processes that do it again and again.
 *
 * In the path, {n} is the number of the process, {layer} one of 50.
 *
 * Prints "parked" when $MINIMUM (COUNT) requests wait in the mount (imagefs_jobs_waiting in STATS); when its
 * standard input ends, kills all of them and prints how many looks, 10 ms apart, it took until the last one was gone:
 * a busy machine takes longer for each.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* `path` with what stands for `key` put there. */
static void put(char path[PATH_MAX], const char *key, int digits, int n)
{
	char value[16], rest[PATH_MAX];
	char *at;

	snprintf(value, sizeof(value), "%0*d", digits, n);
	while ((at = strstr(path, key))) {
		snprintf(rest, sizeof(rest), "%s", at + strlen(key));
		snprintf(at, (size_t)(PATH_MAX - (at - path)), "%s%s", value, rest);
	}
}

static void work(const char *operation, const char *path)
{
	struct stat st;
	char byte;
	int fd, failed;

	for (;;) {
		if (strcmp(operation, "stat") == 0) {
			failed = lstat(path, &st) < 0;
		} else {
			fd = open(path, O_RDONLY | O_CLOEXEC);
			failed = fd < 0 || read(fd, &byte, 1) < 0;
			if (fd >= 0)
				close(fd);
		}
		if (failed)
			usleep(200000);
	}
}

static int waiting(const char *stats)
{
	char line[512];
	int n = -1;
	FILE *file = fopen(stats, "re");

	if (!file)
		die(stats);
	while (n < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "imagefs_jobs_waiting %d", &n);
	fclose(file);
	if (n < 0)
		die("imagefs_jobs_waiting");
	return n;
}

/* All begin at once, when all are there: nobody waits for a registry for ever. */
static void begin(pid_t *pids, int count, const char *operation, const char *path)
{
	char own[PATH_MAX], byte;
	int gate[2], n;

	if (pipe(gate) < 0)
		die("pipe");
	for (n = 0; n < count; n++) {
		pids[n] = fork();
		if (pids[n] < 0)
			die("fork");
		if (pids[n] > 0)
			continue;
		signal(SIGINT, SIG_DFL);
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			die("read");
		snprintf(own, sizeof(own), "%s", path);
		put(own, "{n}", 1, n);
		put(own, "{layer}", 2, n % 50);
		work(operation, own);
	}
	close(gate[0]);
	close(gate[1]);
}

/* In looks. */
static int kill_all(pid_t *pids, int count)
{
	int n, left, looks = 0;

	for (n = 0; n < count; n++)
		kill(pids[n], SIGKILL);
	for (;;) {
		left = 0;
		for (n = 0; n < count; n++)
			if (pids[n] && waitpid(pids[n], NULL, WNOHANG) == 0)
				left++;
			else
				pids[n] = 0;
		if (!left)
			return looks;
		usleep(10000);
		looks++;
	}
}

int main(int argc, char **argv)
{
	const char *minimum = getenv("MINIMUM");
	int count = argc == 5 ? atoi(argv[1]) : 0, least = minimum ? atoi(minimum) : count,
	    looks = 0;
	pid_t *pids = calloc((size_t)count + 1, sizeof(*pids));

	if (count <= 0 || !pids)
		die("usage: parked COUNT stat|read PATH STATS");
	begin(pids, count, argv[2], argv[3]);
	while (waiting(argv[4]) < least && looks++ < 600)
		usleep(100000);
	if (waiting(argv[4]) >= least)
		printf("parked\n");
	else
		printf("only %d wait\n", waiting(argv[4]));
	fflush(stdout);
	while (getchar() != EOF)
		;
	printf("%d\n", kill_all(pids, count));
	free(pids);
	return 0;
}

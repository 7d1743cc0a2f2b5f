/* SPDX-License-Identifier: MIT */
/*
 * reader NAME NUMBER FLAGS ROOT WORLD KIND [ARGUMENT]...
 *
 * One of those who use a mount while its end comes. There may be many, so each is a small program.
 * It waits at the gate (descriptor 4, a byte for each), then does what its KIND says (the table at
 * the end), below ROOT, until it is told to stop (by the page of descriptor 5). What it reads is
 * compared with what it should be (known.h).
 *
 * An errno, or a file that ends early, is an answer, and ends it: that is told on descriptor 3,
 * with the time, as before the end nobody may get one. Wrong bytes are told, too. A page of a
 * mapped file that does not come is a SIGBUS: its answer is its death.
 *
 * FLAGS: c: when it comes to an image again it drops the pages first; w: it reads few images; i: it
 * goes into ROOT.
 */
#include "pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define GATE   4
#define SHARED 5
#define SMALL  2 /* images, the first: a reader who finds all in the cache reads these alone */

/* ---- one thing, once; its ARGUMENTS say what ---- */

/* STEP IMAGE PLACE ("-": where it is)...: every so many of their files, whole. */
static void once(struct reader *r)
{
	size_t step = strtoul(r->arguments[0], NULL, 10);

	for (char **a = r->arguments + 1; a[0] && a[1]; a += 2) {
		struct image *image = known_image(r, a[0]);

		image->place = strcmp(a[1], "-") ? a[1] : NULL;
		for (size_t i = r->number % step; i < image->count; i += step)
			read_file(r, image, &image->files[i]);
	}
}

/* PATH below ROOT, or absolute */
static void look_up(struct reader *r)
{
	struct stat st;

	if (lstat(r->arguments[0], &st) < 0)
		tell_errno(r, r->arguments[0]);
}

static void list(struct reader *r)
{
	struct dirent **entries;

	if (scandir(r->arguments[0], &entries, NULL, NULL) < 0)
		tell_errno(r, r->arguments[0]);
}

static void first_byte(struct reader *r)
{
	int fd = open(r->arguments[0], O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0 || read(fd, &byte, 1) < 0)
		tell_errno(r, r->arguments[0]);
}

static void first_page(struct reader *r)
{
	int fd = open(r->arguments[0], O_RDONLY | O_CLOEXEC);
	volatile char *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		tell_errno(r, r->arguments[0]);
	(void)*page;
}

/* PATH of a control file, LINE */
static void request(struct reader *r)
{
	int fd = open(r->arguments[0], O_RDWR | O_CLOEXEC);
	char line[PATH_SIZE];
	int n = snprintf(line, sizeof(line), "%s\n", r->arguments[1]);

	if (fd < 0 || write(fd, line, (size_t)n) < 0)
		tell_errno(r, r->arguments[0]);
}

/* PATH of a control file, ARCHIVE: at a pace at which it takes a second or so */
static void feed(struct reader *r)
{
	const struct timespec pause = {.tv_nsec = 8000000};
	int to = open(r->arguments[0], O_WRONLY | O_CLOEXEC);
	int from = open(r->arguments[1], O_RDONLY | O_CLOEXEC);
	char data[50000];
	ssize_t n;

	if (to < 0)
		tell_errno(r, r->arguments[0]);
	while ((n = read(from, data, sizeof(data))) > 0) {
		if (write(to, data, (size_t)n) < 0)
			tell_errno(r, r->arguments[0]);
		nanosleep(&pause, NULL);
	}
	if (close(to) < 0)
		tell_errno(r, r->arguments[0]);
}

/* PROGRAM ARGUMENT...: again and again, until it fails */
static void program(struct reader *r)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), status = 0;

	dup2(null, 2);
	while (!stopped(r) && status == 0)
		if (waitpid(start_program(r->arguments, null), &status, 0) < 0)
			abort();
	if (status)
		tell(r, "errno", "EIO %s: status %d", r->arguments[0], status >> 8);
}

/* PATH: its errno is the exit status. */
static void look(struct reader *r)
{
	struct statfs st;

	_exit(statfs(r->arguments[0], &st) < 0 ? errno : 0);
}

/* ---- the kinds ---- */

static const struct kind {
	const char *name;
	void (*of_image)(struct reader *r, struct image *image); /* images by turns, for ever */
	void (*once)(struct reader *r);
} kinds[] = {
    {"walk", pass_walk, NULL},
    {"mapped", pass_mapped, NULL},
    {"backwards", pass_backwards, NULL},
    {"shuffled", pass_shuffled, NULL},
    {"tar", pass_tar, NULL},
    {"attributes", pass_attributes, NULL},
    {"once", NULL, once},
    {"lookup", NULL, look_up},
    {"list", NULL, list},
    {"byte", NULL, first_byte},
    {"page", NULL, first_page},
    {"request", NULL, request},
    {"feed", NULL, feed},
    {"program", NULL, program},
    {"look", NULL, look},
};

static void run(struct reader *r, const struct kind *k)
{
	if (k->once)
		k->once(r);
	else
		for (size_t i = SMALL + r->number % LARGE; !stopped(r); i++) {
			struct image *image = &r->images[i % r->local];

			drop_pages(r, image);
			k->of_image(r, image);
		}
}

int main(int argc, char **argv)
{
	struct reader r = {.name = argv[1]};
	char byte;

	if (argc < 7)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	r.number = (unsigned)atoi(argv[2]);
	r.dice = 88172645463325252u + r.number * 2654435761u;
	r.cold = strchr(argv[3], 'c') != NULL;
	r.root = argv[4];
	r.arguments = argv + 7;
	r.shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED, 0);
	known_open(&r, argv[5]);
	if (strchr(argv[3], 'w'))
		r.local = SMALL;
	if (r.shared == MAP_FAILED || read(GATE, &byte, 1) < 0)
		return 2;
	if (strchr(argv[3], 'i')) {
		if (chdir(r.root) < 0)
			tell_errno(&r, r.root);
		r.root = ".";
		r.shared->entered++;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[6])) {
			run(&r, &kinds[i]);
			return 0;
		}
	return 2;
}

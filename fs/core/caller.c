/* SPDX-License-Identifier: MIT */
#include "fs/core/caller.h"

#include "store/base/mem.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ARGUMENTS 6
#define PAGE	  4096u /* the least that there is */

enum what { LOOKS, OPENS, CREATES, GOES };

/* System calls with a path: which argument it is, and of open(2) the flags behind it. Those that an
 * architecture does not have are left out. */
static const struct {
	long number;
	int path;
	enum what what;
} calls[] = {
    {SYS_openat, 1, OPENS},	 {SYS_statx, 1, LOOKS},
    {SYS_faccessat, 1, LOOKS},	 {SYS_readlinkat, 1, GOES},
    {SYS_chdir, 0, GOES},	 {SYS_execve, 0, LOOKS},
    {SYS_symlinkat, 2, CREATES}, {SYS_renameat2, 3, CREATES},
    {SYS_mkdirat, 1, CREATES},	 {SYS_mknodat, 1, CREATES},
    {SYS_linkat, 3, CREATES},	 {SYS_getxattr, 0, LOOKS},
    {SYS_lgetxattr, 0, LOOKS},	 {SYS_inotify_add_watch, 1, LOOKS},
#ifdef SYS_openat2
    {SYS_openat2, 1, GOES},
#endif
#ifdef SYS_faccessat2
    {SYS_faccessat2, 1, LOOKS},
#endif
#ifdef SYS_newfstatat
    {SYS_newfstatat, 1, LOOKS},
#endif
#ifdef SYS_fstatat64
    {SYS_fstatat64, 1, LOOKS},
#endif
#ifdef SYS_renameat
    {SYS_renameat, 3, CREATES},
#endif
#ifdef SYS_open
    {SYS_open, 0, OPENS},	 {SYS_stat, 0, LOOKS},
    {SYS_lstat, 0, LOOKS},	 {SYS_access, 0, LOOKS},
    {SYS_readlink, 0, GOES},	 {SYS_symlink, 1, CREATES},
    {SYS_rename, 1, CREATES},	 {SYS_mkdir, 0, CREATES},
    {SYS_link, 1, CREATES},
#endif
};

/* A file of /proc/PID, with a NUL behind it: how much, or -1. */
static ssize_t read_proc(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	autoclose int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	return n;
}

/* A string of the process, page by page, as the next one may not be there. */
static void read_string(pid_t pid, uint64_t at, char to[static CALLER_PATH_MAX])
{
	size_t len = 0;

	while (len < CALLER_PATH_MAX) {
		size_t room = CALLER_PATH_MAX - len, page = PAGE - (size_t)((at + len) % PAGE);
		const struct iovec mine = {to + len, room < page ? room : page};
		const struct iovec its = {(void *)(uintptr_t)(at + len), mine.iov_len};
		ssize_t n = process_vm_readv(pid, &mine, 1, &its, 1, 0);

		if (n <= 0)
			break;
		if (memchr(to + len, '\0', (size_t)n))
			return;
		len += (size_t)n;
	}
	*to = '\0';
}

/* "NUMBER 0xARG 0xARG …", or "running" */
static bool parse_syscall(const char *text, long *number, uint64_t args[static ARGUMENTS])
{
	char *end;

	*number = strtol(text, &end, 10);
	if (end == text)
		return false;
	for (int i = 0; i < ARGUMENTS; i++)
		args[i] = strtoull(end, &end, 16);
	return true;
}

void caller_read(pid_t pid, struct caller *out)
{
	char text[256];
	uint64_t args[ARGUMENTS];
	long number;

	out->pid = pid;
	out->creates = out->looks = false;
	*out->path = '\0';
	if (pid <= 0 || read_proc(pid, "syscall", text, sizeof(text)) <= 0 ||
	    !parse_syscall(text, &number, args))
		return;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int at = calls[i].path;

		if (calls[i].number != number)
			continue;
		out->creates =
		    calls[i].what == CREATES || (calls[i].what == OPENS && args[at + 1] & O_CREAT);
		out->looks = calls[i].what == LOOKS ||
			     (calls[i].what == OPENS && !(args[at + 1] & (O_DIRECTORY | O_PATH)));
		read_string(pid, args[at], out->path);
		return;
	}
}

bool caller_sees_trusted(uid_t uid, pid_t pid)
{
	static const char field[] = "\nCapEff:";
	char text[4096];
	const char *at;

	if (uid != 0 || read_proc(pid, "status", text, sizeof(text)) <= 0)
		return false;
	at = strstr(text, field);
	return at && strtoull(at + sizeof(field) - 1, NULL, 16) >> CAP_SYS_ADMIN & 1;
}

/* ---- the path ---- */

static const char *skip_slashes(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
		path++;
	return path;
}

/* A name of the tree has + for a colon, where it shall have none; and one in front of a tag. */
static bool same_text(const char *written, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (written[i] != name[i] && !(written[i] == '+' && name[i] == ':'))
			return false;
	return true;
}

/* How well what stands in front of `at` fits to `dir`: two for each component at the end of `dir`, and
 * one where no other component stands against it. */
static unsigned fits(const char *path, const char *at, const char *dir)
{
	const char *end = dir + strlen(dir);
	unsigned same = 0;

	while (at > path && end > dir) {
		const char *a = at, *d = end;

		while (a > path && a[-1] == '/')
			a--;
		for (at = a; at > path && at[-1] != '/';)
			at--;
		for (end = d; end > dir && end[-1] != '/';)
			end--;
		if (a - at != d - end || !same_text(at, end, (size_t)(a - at)))
			return 2 * same;
		same++;
		end -= end > dir;
	}
	return 2 * same + 1;
}

/* Where it may be either of two in the path, nothing is known. */
const char *caller_behind(const struct caller *c, const char *dir, const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);
	unsigned best = 0;

	for (const char *at = skip_slashes(c->path), *next; *at; at = next) {
		const char *word = at + (*at == '+');
		size_t n = strcspn(word, "/");
		unsigned fit = fits(c->path, at, dir) + 1;

		next = skip_slashes(word + n);
		/* Of "app:v1" a symlink makes app/v1. */
		if (n < len || !same_text(word, name, len) ||
		    (n != len && !strchr(":@+", word[len])) || fit < best)
			continue;
		found = fit == best ? NULL : n == len ? next : word + len;
		best = fit;
	}
	return found;
}

/* ---- the process ---- */

/* Its arguments, each with a NUL behind it; 0 where they are not known. */
static size_t read_arguments(pid_t pid, char *to, size_t size)
{
	ssize_t n = read_proc(pid, "cmdline", to, size);

	return n > 0 ? (size_t)n + 1 : 0;
}

bool caller_was_told(const struct caller *c)
{
	char arguments[2 * CALLER_PATH_MAX];
	size_t len = read_arguments(c->pid, arguments, sizeof(arguments));

	for (size_t at = 0; *c->path && at < len; at += strlen(arguments + at) + 1)
		if (!strcmp(arguments + at, c->path))
			return true;
	return false;
}

bool caller_any_place(const struct caller *c, bool (*each)(void *arg, const char *path), void *arg)
{
	static const char *const links[] = {"cwd", "exe"};
	char text[2 * CALLER_PATH_MAX], path[64];
	size_t len;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)c->pid, links[i]);
		n = readlink(path, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		if (n > 0 && each(arg, text))
			return true;
	}
	len = read_arguments(c->pid, text, sizeof(text));
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		if (text[at] == '/' && each(arg, text + at))
			return true;
	return false;
}

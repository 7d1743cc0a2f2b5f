/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: an allocation of the program fails.
 *
 *	FAULT_COUNT	file that holds how many there were so far, as 8 bytes; it is made
 *	FAULT_AT	the number of the one that fails; 0: none
 *	FAULT_FOR_EVER	set: and all behind it
 *	FAULT_STACK	file: where that one was, as addresses within the program, a line each
 *
 * Only its own calls count: json-c 0.16 dies where its memory is out (it copies a key, and does not look).
 * The processes beside the program (guard, helpers) share its count, and fail no more than it does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT	  __attribute__((visibility("default")))
#define CODE_MAX  4
#define STACK_MAX 24

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

/* The code whose calls count, and where the program itself begins. */
static struct {
	uintptr_t from, to;
} code[CODE_MAX];
static size_t code_count;
static uintptr_t program;
static atomic_long *count; /* shared with who reads the file */
static long at;

static int note_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (info->dlpi_name[0])
		return 0;
	program = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum && code_count < CODE_MAX; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			code[code_count].from = info->dlpi_addr + p->p_vaddr;
			code[code_count].to = code[code_count].from + p->p_memsz;
			code_count++;
		}
	}
	return 0;
}

__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("FAULT_COUNT"), *k = getenv("FAULT_AT");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *map = MAP_FAILED;

	at = k ? atol(k) : 0;
	if (fd >= 0 && ftruncate(fd, sizeof(*count)) == 0)
		map = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return;
	dl_iterate_phdr(note_code, NULL);
	count = map;
}

static void note_stack(void)
{
	static _Thread_local bool inside;
	const char *path = getenv("FAULT_STACK");
	void *frames[STACK_MAX];
	int fd;

	if (!path || inside)
		return;
	inside = true; /* backtrace may load a library */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int i = 0, n = backtrace(frames, STACK_MAX); i < n; i++)
		dprintf(fd, "%lx\n", (unsigned long)((uintptr_t)frames[i] - program));
	close(fd);
	inside = false;
}

static bool fails(void *caller)
{
	uintptr_t from = (uintptr_t)caller;
	bool counts = false;
	long n;

	for (size_t i = 0; i < code_count; i++)
		counts = counts || (from >= code[i].from && from < code[i].to);
	if (!count || !counts)
		return false;
	n = atomic_fetch_add(count, 1) + 1;
	if (at <= 0 || n < at || (n > at && !getenv("FAULT_FOR_EVER")))
		return false;
	if (n == at)
		note_stack();
	errno = ENOMEM;
	return true;
}

#define FAILS fails(__builtin_return_address(0))

EXPORT void *malloc(size_t size)
{
	return FAILS ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	return FAILS ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	return FAILS ? NULL : __libc_realloc(p, size);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (FAILS || __builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, all);
}

static char *copy(const char *text, size_t len)
{
	char *out = __libc_malloc(len + 1);

	if (out) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	return out;
}

EXPORT char *strdup(const char *text)
{
	return FAILS ? NULL : copy(text, strlen(text));
}

EXPORT char *strndup(const char *text, size_t max)
{
	return FAILS ? NULL : copy(text, strnlen(text, max));
}

EXPORT int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments);
EXPORT int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments)
{
	(void)flag;
	return FAILS ? -1 : vasprintf(out, format, arguments);
}

EXPORT int __asprintf_chk(char **out, int flag, const char *format, ...);
EXPORT int __asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list arguments;
	int n;

	(void)flag;
	if (FAILS)
		return -1;
	va_start(arguments, format);
	n = vasprintf(out, format, arguments);
	va_end(arguments);
	return n;
}

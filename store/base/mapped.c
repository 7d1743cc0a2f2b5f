/* SPDX-License-Identifier: MIT */
/*
 * The handler cannot take locks, and runs while other threads open and close mappings. So the
 * mappings are in a list that only grows: one that is closed stays there, without a range, for
 * the next to be opened. Its range is read between two looks at `version`, which is odd while the
 * range changes. The mapping that a fault is in does not change, as somebody reads it.
 */
#include "store/base/mapped.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifdef SYS_mmap2 /* where SYS_mmap is another call, or none */
#define MMAP SYS_mmap2
#else
#define MMAP SYS_mmap
#endif

struct mapped {
	struct mapped *next;	  /* of all; set before it is in the list */
	struct mapped *next_free; /* under the lock */
	atomic_uint version;
	_Atomic(uintptr_t) start;
	atomic_size_t size; /* 0: unused */
	atomic_bool damaged;
};

/* A handler of signals is the process's. */
static _Atomic(struct mapped *) all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of opening and closing */
static struct mapped *unused;				 /* under the lock */
static struct sigaction before;				 /* what else handles it; the same */

static bool mapped_holds(struct mapped *m, uintptr_t address)
{
	unsigned version = atomic_load(&m->version);
	uintptr_t start = atomic_load(&m->start);
	size_t size = atomic_load(&m->size);

	return !(version & 1) && address >= start && address - start < size &&
	       atomic_load(&m->version) == version;
}

/* Nobody sees a zero before the mark. By the number of the call, as ThreadSanitizer takes mmap(2)
 * for a write, which the readers would race with. False where the kernel gives no memory. */
static bool replace(struct mapped *m)
{
	uintptr_t start = atomic_load(&m->start);

	atomic_store(&m->damaged, true);
	return (uintptr_t)syscall(MMAP, start, atomic_load(&m->size), PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
				  0) == start;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else {
		signal(number, SIG_DFL);
		raise(number); /* when this handler returns */
	}
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	bool from_kernel = info->si_code > 0, done = false;
	int saved = errno;

	for (struct mapped *m = atomic_load(&all); from_kernel && !done && m; m = m->next)
		done = mapped_holds(m, address) && replace(m);
	if (!done)
		pass_on(number, info, context);
	errno = saved;
}

/* Under the lock. Looks each time, as a library may have set one of its own. */
static void set_handler(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction now;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &now) < 0 || now.sa_sigaction == on_fault)
		return;
	before = now;
	sigaction(SIGBUS, &action, NULL);
}

/* Under the lock. */
static struct mapped *take_unused(void)
{
	struct mapped *m = unused;

	if (m) {
		unused = m->next_free;
		return m;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->next = atomic_load(&all);
	atomic_store(&all, m);
	return m;
}

/* Under the lock. */
static void set_range(struct mapped *m, uintptr_t start, size_t size)
{
	atomic_fetch_add(&m->version, 1);
	atomic_store(&m->start, start);
	atomic_store(&m->size, size);
	atomic_store(&m->damaged, false);
	atomic_fetch_add(&m->version, 1);
}

int mapped_open(int fd, size_t size, struct mapped **out, struct err *err)
{
	void *start;

	start = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED)
		return err_sys(err, "mmap");
	/* All of it is read at once, for its checksum. MAP_POPULATE would do the same, but never
	 * returns where the disk cannot give a page (Linux 6.18). */
	madvise(start, size, MADV_WILLNEED);
	pthread_mutex_lock(&lock);
	set_handler();
	*out = take_unused();
	if (*out)
		set_range(*out, (uintptr_t)start, size);
	pthread_mutex_unlock(&lock);
	if (*out)
		return 0;
	munmap(start, size);
	return err_nomem(err);
}

/* Its range goes first: another thread's next mapping may get the same addresses. */
void mapped_close(struct mapped *m)
{
	void *start;
	size_t size;

	if (!m)
		return;
	start = (void *)atomic_load(&m->start);
	size = atomic_load(&m->size);
	pthread_mutex_lock(&lock);
	set_range(m, 0, 0);
	m->next_free = unused;
	unused = m;
	pthread_mutex_unlock(&lock);
	munmap(start, size);
}

const void *mapped_data(const struct mapped *m)
{
	return (const void *)atomic_load_explicit(&m->start, memory_order_relaxed);
}

bool mapped_damaged(const struct mapped *m)
{
	__sync_synchronize(); /* the reading comes first */
	return atomic_load(&m->damaged);
}

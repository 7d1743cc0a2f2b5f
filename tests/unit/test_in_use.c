/* SPDX-License-Identifier: MIT */
#include "fs/tree/in_use.h"

#include "fs/tree/catalog.h"
#include "fs/core/inode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/scratch.h"

static struct scratch dir;
static struct fs fs;
static struct digest image;
static char path[256];

/* A kernel that says late what it has forgotten, on a machine that takes longer than it should. */
static struct {
	uint64_t number, lookups;
	unsigned looks, looks_each; /* between what it forgets; 0: it forgets nothing */
	unsigned told;
} kernel;

#define BUSY_MS 5 /* of a look */

/* The call that fills in a struct timespec as it is here: on 32 bits there are two. */
#ifdef SYS_clock_gettime64
#define CLOCK_CALL SYS_clock_gettime64
#else
#define CLOCK_CALL SYS_clock_gettime
#endif

/* These take the place of libc's. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(CLOCK_CALL, clock, t);
	*t = (struct timespec){.tv_sec = kernel.looks * BUSY_MS / 1000,
			       .tv_nsec = kernel.looks * BUSY_MS % 1000 * 1000000};
	return 0;
}

int usleep(useconds_t us)
{
	(void)us;
	kernel.looks++;
	if (kernel.looks_each && kernel.looks % kernel.looks_each == 0 && kernel.lookups) {
		kernel.lookups--;
		inodes_forget(fs.inodes, kernel.number, 1);
	}
	return 0;
}

static enum forgotten forget_name(const struct kernel *k, uint64_t parent, const char *name)
{
	(void)k;
	(void)parent;
	(void)name;
	kernel.told++;
	return FORGOTTEN;
}

static const struct kernel asked = {.forget_name = forget_name};

static void free_inode(struct inode *i)
{
	free(i->path);
	free(i);
}

static uint64_t known(const char *where)
{
	struct inode *i = calloc(1, sizeof(*i));

	i->path = strdup(where);
	i->free = free_inode;
	return inodes_add(fs.inodes, INODE_VNODE, i)->number;
}

static int setup(void **state)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, .size = 1};
	char text[DIGEST_TEXT_MAX];

	(void)state;
	dir = scratch_make();
	memset(&fs, 0, sizeof(fs));
	memset(&kernel, 0, sizeof(kernel));
	fs.kernel = &asked;
	assert_int_equal(store_open(dir.path, &fs.store, NULL), 0);
	assert_int_equal(catalogs_open(&fs.catalogs, NULL), 0);
	assert_int_equal(inodes_open(&fs.inodes, NULL), 0);
	digest_of(DIGEST_SHA256, "x", 1, &d.digest, NULL);
	assert_int_equal(names_set(fs.store, "h.x/app:1", &d, NULL), 0);
	image = d.digest;
	known("images/h.x/app");
	snprintf(path, sizeof(path), "images/h.x/app/%s", digest_text(&image, text));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	inodes_close(fs.inodes);
	catalogs_close(fs.catalogs);
	store_close(fs.store);
	scratch_drop(&dir);
	return 0;
}

/* The kernel knows the image's directory. */
static void kernel_knows(uint64_t lookups)
{
	kernel.number = known(path);
	kernel.lookups = lookups;
	inodes_count_lookups(fs.inodes, kernel.number, lookups - 1);
}

static void what_the_kernel_does_not_know_is_not_in_use(void **state)
{
	(void)state;
	assert_false(in_use(&fs, &image, false, NULL));
	assert_int_equal(kernel.looks, 0);
}

static void what_the_kernel_keeps_is_in_use(void **state)
{
	(void)state;
	kernel_knows(2);
	assert_true(in_use(&fs, &image, false, NULL));
	assert_true(kernel.told > 0);
}

/* However long a look takes, there are many of them before it counts as held. */
static void what_the_kernel_lets_go_of_late_is_not_in_use(void **state)
{
	(void)state;
	kernel_knows(1);
	kernel.looks_each = 45;
	assert_false(in_use(&fs, &image, false, NULL));
}

static void as_long_as_the_numbers_fall_it_waits(void **state)
{
	(void)state;
	kernel_knows(4);
	kernel.looks_each = 45;
	assert_false(in_use(&fs, &image, false, NULL));
	assert_int_equal(kernel.looks, 4 * 45);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_the_kernel_does_not_know_is_not_in_use),
	    TEST(what_the_kernel_keeps_is_in_use),
	    TEST(what_the_kernel_lets_go_of_late_is_not_in_use),
	    TEST(as_long_as_the_numbers_fall_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/disk/lease.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

static struct scratch dir;
static struct store *store;
static struct lease *lease;
static struct digest digests[8];

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	for (size_t i = 0; i < sizeof(digests) / sizeof(*digests); i++)
		assert_int_equal(digest_of(DIGEST_SHA256, &i, sizeof(i), &digests[i], NULL), 0);
	return store_open(dir.path, &store, NULL) || lease_open(store, &lease, NULL);
}

static int teardown(void **state)
{
	(void)state;
	lease_close(lease);
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

struct looked_for {
	const struct digest *digest;
	unsigned found, all;
};

static int on_held(void *arg, const struct digest *d, struct err *err)
{
	struct looked_for *f = arg;

	(void)err;
	f->found += digest_equal(d, f->digest);
	f->all++;
	return 0;
}

static unsigned held(const struct digest *d, unsigned *all)
{
	struct looked_for f = {.digest = d};

	assert_int_equal(lease_each(store, on_held, &f, NULL), 0);
	if (all)
		*all = f.all;
	return f.found;
}

/* With so many bytes to a file, as a disk that is full there. */
static int add_within(rlim_t bytes, size_t first, size_t count)
{
	struct rlimit old, small;
	int r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){.rlim_cur = bytes, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = lease_add(lease, &digests[first], count, NULL);
	setrlimit(RLIMIT_FSIZE, &old);
	return r;
}

static void what_is_added_is_held_until_the_end(void **state)
{
	unsigned all;

	(void)state;
	assert_int_equal(lease_add(lease, digests, 3, NULL), 0);
	assert_int_equal(lease_add(lease, &digests[3], 1, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(held(&digests[i], &all), 1);
	assert_int_equal(all, 4);
	lease_close(lease);
	lease = NULL;
	held(&digests[0], &all);
	assert_int_equal(all, 0);
}

static void what_a_full_disk_has_cut_spoils_no_later_line(void **state)
{
	unsigned all;

	(void)state;
	assert_int_equal(lease_add(lease, digests, 1, NULL), 0);
	assert_int_equal(add_within(100, 1, 1), -EFBIG);
	assert_int_equal(lease_add(lease, &digests[2], 1, NULL), 0);
	assert_int_equal(add_within(300, 3, 4), -EFBIG);
	assert_int_equal(lease_add(lease, &digests[7], 1, NULL), 0);
	assert_int_equal(held(&digests[0], NULL), 1);
	assert_int_equal(held(&digests[2], NULL), 1);
	assert_int_equal(held(&digests[7], &all), 1);
	assert_int_equal(all, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_added_is_held_until_the_end),
	    TEST(what_a_full_disk_has_cut_spoils_no_later_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

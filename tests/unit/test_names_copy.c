/* SPDX-License-Identifier: MIT */
/* index.json that rots, is cut, or that another program writes: what the names are then, and what is said. */
#include "store/disk/names.h"

#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/emulator.h"
#include "tests/unit/scratch.h"

#define INDEX "s/index.json"
#define COPY  "s/derived/names"

static struct scratch dir;
static struct store *store;

static void reopen(void)
{
	struct err err = {0};

	store_close(store);
	store = NULL;
	if (store_open(scratch_path(&dir, "s"), &store, &err))
		fail_msg("%s", err.text);
}

static void set(const char *reference, uint64_t size)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, .size = size};
	struct err err = {0};

	digest_of(DIGEST_SHA256, &size, sizeof(size), &d.digest, NULL);
	if (names_set(store, reference, &d, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	reopen();
	set("h.x/a:1", 1);
	set("h.x/b:2", 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	scratch_drop(&dir);
	return 0;
}

/* As a disk does it: the file's time stays. */
static void write_keeping_time(const char *path, const void *data, size_t len)
{
	struct stat st;
	int fd = openat(dir.fd, path, O_WRONLY);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
	assert_int_equal(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
	close(fd);
}

/* Another program's, which is not writing it any more. */
static void write_long_ago(const char *text)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - 60}, {.tv_sec = time(NULL) - 60}};

	scratch_puts(&dir, INDEX, text);
	assert_int_equal(utimensat(dir.fd, INDEX, times, 0), 0);
}

/* a:1 and b:2, and those alone; the notice's code, or -1 where there is none. */
static int assert_names(char *said, size_t size)
{
	AUTO(names_put) struct names *n = NULL;
	struct err err = {0};
	int code;

	if (names_get(store, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(names_count(n), 2);
	assert_string_equal(names_at(n, 0)->reference, "h.x/a:1");
	assert_string_equal(names_at(n, 1)->reference, "h.x/b:2");
	assert_int_equal(names_at(n, 0)->descriptor.size, 1);
	code = names_notice(n) ? names_notice(n)->code : -1;
	snprintf(said, size, "%s", names_notice(n) ? names_notice(n)->text : "");
	return code;
}

static void assert_text(const char *path, const char *wanted)
{
	char *text = scratch_read(&dir, path, NULL);

	assert_string_equal(text, wanted);
	free(text);
}

static void any_bit_that_flips_is_noticed_and_mended(void **state)
{
	char said[ERR_TEXT_MAX];
	size_t len;
	char *good = scratch_read(&dir, INDEX, &len);

	(void)state;
	needs_nanoseconds();
	for (size_t bit = 0; bit < 8 * len; bit += 101) {
		char *bad = strdup(good);

		bad[bit / 8] ^= (char)(1 << bit % 8);
		write_keeping_time(INDEX, bad, len);
		reopen();
		assert_int_equal(assert_names(said, sizeof(said)), 0);
		assert_non_null(strstr(said, "it was written anew"));
		assert_int_equal(assert_names(said, sizeof(said)), 0); /* the same snapshot */
		assert_text(INDEX, good);
		free(bad);
	}
	reopen();
	assert_int_equal(assert_names(said, sizeof(said)), -1);
	free(good);
}

static void what_is_cut_while_it_is_used_is_read_from_the_copy(void **state)
{
	char said[ERR_TEXT_MAX];
	struct err err = {0};

	(void)state;
	write_long_ago("{\"schemaVersion\":2,\"manif");
	assert_int_equal(assert_names(said, sizeof(said)), EBADMSG);
	assert_non_null(strstr(said, "copy"));
	assert_text(INDEX, "{\"schemaVersion\":2,\"manif");
	assert_int_equal(names_check(store, &err), -EBADMSG);
	assert_int_equal(names_settle(store, NULL), 0);
	assert_int_equal(names_check(store, &err), 0);
	assert_int_equal(assert_names(said, sizeof(said)), 0);
	assert_text("s/" NAMES_DAMAGED, "{\"schemaVersion\":2,\"manif");
}

static void the_next_change_mends_it_too(void **state)
{
	char said[ERR_TEXT_MAX];

	(void)state;
	write_long_ago("");
	set("h.x/c:3", 3);
	assert_int_equal(names_remove(store, "h.x/c:3", NULL), 0);
	assert_int_equal(assert_names(said, sizeof(said)), 0);
	assert_non_null(strstr(said, NAMES_DAMAGED));
	assert_text("s/" NAMES_DAMAGED, "");
}

/* skopeo cuts the file and writes it then. */
static void what_another_program_may_be_writing_is_left_to_it(void **state)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, .size = 1};
	char said[ERR_TEXT_MAX];
	struct err err = {0};

	(void)state;
	needs_nanoseconds();
	digest_of(DIGEST_SHA256, "", 0, &d.digest, NULL);
	scratch_puts(&dir, INDEX, "{\"schemaVersion\":2,");
	assert_int_equal(assert_names(said, sizeof(said)), EBADMSG);
	assert_int_equal(names_settle(store, &err), -EAGAIN);
	assert_int_equal(names_set(store, "h.x/c:3", &d, &err), -EAGAIN);
	reopen();
	assert_text(INDEX, "{\"schemaVersion\":2,");
	write_long_ago("{\"schemaVersion\":2,");
	assert_int_equal(names_settle(store, &err), 0);
}

static void one_that_is_gone_comes_from_the_copy_at_the_next_start(void **state)
{
	char said[ERR_TEXT_MAX];

	(void)state;
	assert_int_equal(unlinkat(dir.fd, INDEX, 0), 0);
	reopen();
	assert_int_equal(assert_names(said, sizeof(said)), 0);
	assert_true(scratch_has(&dir, INDEX));
}

static void what_another_program_writes_counts_and_is_said(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	char said[ERR_TEXT_MAX];
	const char *only = "{\"schemaVersion\":2,\"manifests\":[]}";

	(void)state;
	scratch_puts(&dir, INDEX, only);
	assert_int_equal(names_get(store, &n, NULL), 0);
	assert_int_equal(names_count(n), 0);
	assert_non_null(names_notice(n));
	assert_int_equal(names_notice(n)->code, 0);
	assert_non_null(strstr(names_notice(n)->text, "another program"));
	assert_non_null(strstr(names_notice(n)->text, "h.x/a:1, h.x/b:2"));
	assert_text(INDEX, only);
	assert_int_equal(names_settle(store, NULL), 0);
	names_put(n);
	reopen();
	assert_int_equal(names_get(store, &n, NULL), 0);
	assert_int_equal(names_count(n), 0);
	assert_null(names_notice(n));
	set("h.x/a:1", 1);
	set("h.x/b:2", 2);
	assert_int_equal(assert_names(said, sizeof(said)), -1);
}

/* It may be deleted, and it rots as well: index.json counts then. */
static void a_copy_that_is_wrong_is_none(void **state)
{
	char said[ERR_TEXT_MAX];
	size_t len;
	char *good = scratch_read(&dir, COPY, &len);

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit += 131) {
		char *bad = malloc(len);

		memcpy(bad, good, len);
		bad[bit / 8] ^= (char)(1 << bit % 8);
		scratch_write(&dir, COPY, bad, len);
		reopen();
		assert_int_equal(assert_names(said, sizeof(said)), -1);
		free(bad);
	}
	free(good);
	assert_int_equal(unlinkat(dir.fd, COPY, 0), 0);
	reopen();
	assert_int_equal(assert_names(said, sizeof(said)), -1);
	assert_true(scratch_has(&dir, COPY));
}

/* Nothing can be written: the names are there all the same, and the copy stays. */
static void a_full_disk_keeps_the_copy(void **state)
{
	struct rlimit full = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY}, old;
	char said[ERR_TEXT_MAX];
	struct err err = {0};

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	write_long_ago("{");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	reopen();
	assert_int_equal(assert_names(said, sizeof(said)), EBADMSG);
	assert_int_equal(names_settle(store, &err), -EFBIG);
	assert_int_equal(names_remove(store, "h.x/a:1", NULL), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_text(INDEX, "{");
	reopen();
	assert_int_equal(assert_names(said, sizeof(said)), 0);
}

/* What was written a moment ago may be written once more at the same time of a coarse clock. */
static void a_time_that_others_gave_is_trusted_when_it_is_old(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	AUTO(names_put) struct names *n = NULL;
	const char *empty = "{\"schemaVersion\":2,\"manifests\":[]}";
	const char *other = "{\"schemaVersion\":3,\"manifests\":[]}";
	char said[ERR_TEXT_MAX];

	(void)state;
	scratch_puts(&dir, INDEX, empty);
	reopen();
	write_keeping_time(INDEX, other, strlen(other));
	reopen();
	assert_text(INDEX, other);
	assert_int_equal(unlinkat(dir.fd, COPY, 0), 0);
	assert_int_equal(utimensat(dir.fd, INDEX, old, 0), 0);
	reopen();
	write_keeping_time(INDEX, empty, strlen(empty));
	reopen();
	assert_text(INDEX, other);
	assert_int_equal(names_get(store, &n, NULL), 0);
	assert_non_null(names_notice(n));
	snprintf(said, sizeof(said), "%s", names_notice(n)->text);
	assert_non_null(strstr(said, "not those that were written"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(any_bit_that_flips_is_noticed_and_mended),
	    TEST(what_is_cut_while_it_is_used_is_read_from_the_copy),
	    TEST(the_next_change_mends_it_too),
	    TEST(what_another_program_may_be_writing_is_left_to_it),
	    TEST(one_that_is_gone_comes_from_the_copy_at_the_next_start),
	    TEST(what_another_program_writes_counts_and_is_said),
	    TEST(a_copy_that_is_wrong_is_none),
	    TEST(a_full_disk_keeps_the_copy),
	    TEST(a_time_that_others_gave_is_trusted_when_it_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

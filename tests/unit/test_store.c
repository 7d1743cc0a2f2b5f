/* SPDX-License-Identifier: MIT */
#include "store/disk/store.h"

#include "store/base/io.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/scratch.h"

#define DIGITS "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct scratch dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_drop(&dir);
	return 0;
}

/* Opens DIR/s (and closes it again); the code, and the sentence in *err. */
static int try_open(struct err *err)
{
	AUTO(store_close) struct store *s = NULL;

	return store_open(scratch_path(&dir, "s"), &s, err);
}

static void assert_opens(void)
{
	struct err err = {0};

	if (try_open(&err))
		fail_msg("%s", err.text);
}

static void assert_refused(int code, const char *sentence)
{
	struct err err = {0};

	assert_int_equal(try_open(&err), -code);
	if (!strstr(err.text, sentence) || !strstr(err.text, dir.path))
		fail_msg("%s, not: %s", err.text, sentence);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(scratch_path(&dir, path));
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void a_new_store_is_an_empty_layout_of_its_owner(void **state)
{
	AUTO(store_close) struct store *s = NULL;
	mode_t old = umask(0);
	struct stat st;
	char *text;

	(void)state;
	assert_int_equal(store_open(scratch_path(&dir, "new/deep/s"), &s, NULL), 0);
	umask(old);
	assert_int_equal(store_path(s)[0], '/');
	assert_non_null(strstr(store_path(s), "/new/deep/s"));
	text = scratch_read(&dir, "new/deep/s/oci-layout", NULL);
	assert_string_equal(text, "{\"imageLayoutVersion\":\"1.0.0\"}");
	free(text);
	text = scratch_read(&dir, "new/deep/s/index.json", NULL);
	assert_string_equal(text, "{\"schemaVersion\":2,\"manifests\":[]}");
	free(text);
	for (const char *const *name =
		 (const char *[]){".", "blobs", "blobs/sha256", "partial", "derived", NULL};
	     *name; name++) {
		assert_int_equal(fstatat(store_dirfd(s), *name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	for (const char *const *name = (const char *[]){"oci-layout", "index.json", "lock", NULL};
	     *name; name++) {
		assert_int_equal(fstatat(store_dirfd(s), *name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void a_store_opens_again_unchanged(void **state)
{
	struct stat before, after;

	(void)state;
	assert_opens();
	stat(scratch_path(&dir, "s/index.json"), &before);
	assert_opens();
	stat(scratch_path(&dir, "s/index.json"), &after);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_layout_of_another_program_opens_and_gets_what_it_lacks(void **state)
{
	static const char index[] = "{\"schemaVersion\": 2, \"manifests\": [{\"mediaType\":\"a/b\","
				    "\"digest\":\"sha256:" DIGITS "\",\"size\":1,\"x\":1}]}\n";
	char *text;

	(void)state;
	io_mkdirs(dir.fd, "s/blobs/sha256", 0755, NULL);
	scratch_puts(&dir, "s/oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}\n");
	scratch_puts(&dir, "s/index.json", index);
	assert_opens();
	text = scratch_read(&dir, "s/index.json", NULL);
	assert_string_equal(text, index);
	free(text);
	assert_true(scratch_has(&dir, "s/derived/layers"));
	assert_true(scratch_has(&dir, "s/derived/trees"));
	assert_true(scratch_has(&dir, "s/partial"));
}

static void a_directory_of_something_else_is_refused_and_left_alone(void **state)
{
	(void)state;
	io_mkdirs(dir.fd, "s", 0755, NULL);
	scratch_puts(&dir, "s/letter.txt", "dear");
	assert_refused(ENOTEMPTY, "holds letter.txt");
	assert_int_equal(count_entries("s"), 1);
	scratch_puts(&dir, "f", "x");
	assert_int_equal(renameat(dir.fd, "s", dir.fd, "old"), 0);
	assert_int_equal(renameat(dir.fd, "f", dir.fd, "s"), 0);
	assert_refused(ENOTDIR, "Not a directory");
}

static void a_creation_that_was_killed_is_completed(void **state)
{
	(void)state;
	assert_opens();
	assert_int_equal(unlinkat(dir.fd, "s/oci-layout", 0), 0);
	assert_opens();
	assert_true(scratch_has(&dir, "s/oci-layout"));
	assert_int_equal(unlinkat(dir.fd, "s/oci-layout", 0), 0);
	assert_int_equal(unlinkat(dir.fd, "s/index.json", 0), 0);
	scratch_puts(&dir, "s/" IO_TMP_PREFIX "0123456789abcdef", "{\"sch");
	assert_opens();
	assert_true(scratch_has(&dir, "s/index.json"));
	assert_false(scratch_has(&dir, "s/" IO_TMP_PREFIX "0123456789abcdef"));
}

static void another_layout_version_is_refused(void **state)
{
	(void)state;
	assert_opens();
	scratch_puts(&dir, "s/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}");
	assert_refused(EOPNOTSUPP, "version 2.0.0");
	scratch_puts(&dir, "s/oci-layout", "{}");
	assert_refused(EOPNOTSUPP, "version unknown");
	scratch_puts(&dir, "s/oci-layout", "");
	assert_refused(EBADMSG, "oci-layout: invalid JSON");
	scratch_puts(&dir, "s/oci-layout", "[]");
	assert_refused(EBADMSG, "oci-layout: not a JSON object");
}

static void another_version_of_derived_is_written_anew(void **state)
{
	static const char *const others[] = {"2\n", "", "9999999999", "\xb1\n"};

	(void)state;
	assert_opens();
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		char *text;

		scratch_puts(&dir, "s/derived/imagefs-version", others[i]);
		assert_opens();
		text = scratch_read(&dir, "s/derived/imagefs-version", NULL);
		assert_string_equal(text, "1\n");
		free(text);
	}
}

static void a_damaged_index_is_refused_by_name_and_kept(void **state)
{
	static const char *const damaged[] = {"", "{", "[]", "{}", "{\"manifests\":{}}", "null"};
	char zeros[100] = {0};
	char *text;

	(void)state;
	assert_opens();
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		scratch_puts(&dir, "s/index.json", damaged[i]);
		assert_refused(EBADMSG, "index.json");
		text = scratch_read(&dir, "s/index.json", NULL);
		assert_string_equal(text, damaged[i]);
		free(text);
	}
	scratch_write(&dir, "s/index.json", zeros, sizeof(zeros));
	assert_refused(EBADMSG, "index.json");
	assert_int_equal(unlinkat(dir.fd, "s/index.json", 0), 0);
	assert_refused(EBADMSG, "index.json is missing");
	assert_int_equal(symlinkat("/etc/passwd", dir.fd, "s/index.json"), 0);
	assert_refused(EBADMSG, "symbolic link");
}

static void derived_may_be_deleted(void **state)
{
	(void)state;
	assert_opens();
	assert_int_equal(
	    nftw(scratch_path(&dir, "s/derived"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_opens();
	assert_true(scratch_has(&dir, "s/derived/layers"));
}

/* 0 where DIR/s opens for reading alone, for that reason; else the step that went wrong. */
static int try_readonly(const char *reason)
{
	AUTO(store_close) struct store *s = NULL;
	struct store_lock *lock;
	struct err err = {0};
	struct stat cache;

	setenv("XDG_CACHE_HOME", scratch_path(&dir, "cache"), 1);
	if (store_open(scratch_path(&dir, "s"), &s, &err) != 0)
		return 1;
	if (store_writable(s, &err) != -EROFS || !strstr(err.text, reason))
		return 2;
	if (store_lock(s, &lock, &err) != -EROFS || !strstr(err.text, reason))
		return 3;
	return fstat(store_cachefd(s), &cache) == 0 && scratch_has(&dir, "cache/imagefs") ? 0 : 4;
}

static void a_store_of_another_user_is_opened_for_reading(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_opens();
	assert_int_equal(fchownat(dir.fd, "s", 4711, 4711, 0), 0);
	assert_int_equal(try_readonly("belongs to user 4711"), 0);
	assert_int_equal(unlinkat(dir.fd, "s/oci-layout", 0), 0);
	assert_refused(EACCES, "belongs to user 4711");
}

/* Root may write whatever the modes say, unless it gives its capabilities away. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	syscall(SYS_capset, &header, none);
}

static void a_store_that_is_not_writable_is_opened_for_reading(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_opens();
	assert_int_equal(fchmodat(dir.fd, "s", 0500, 0), 0);
	pid = scratch_fork();
	if (pid == 0) {
		drop_capabilities();
		_exit(try_readonly("write in ."));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fchmodat(dir.fd, "s", 0700, 0), 0);
}

static void a_store_on_a_read_only_disk_is_opened_for_reading(void **state)
{
	struct stat before, after;

	(void)state;
	assert_opens();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(scratch_path(&dir, "s"), scratch_path(&dir, "s"), NULL, MS_BIND, NULL) < 0)
		skip();
	assert_int_equal(fstatat(dir.fd, "s", &before, 0), 0);
	assert_int_equal(
	    mount(NULL, scratch_path(&dir, "s"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(try_readonly("Read-only file system"), 0);
	assert_int_equal(umount(scratch_path(&dir, "s")), 0);
	assert_int_equal(fstatat(dir.fd, "s", &after, 0), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void the_sweep_spares_what_a_living_process_holds(void **state)
{
	struct io_tmp t;

	(void)state;
	assert_opens();
	assert_int_equal(io_tmp_open(dir.fd, "s/derived/trees/x", 0600, &t, NULL), 0);
	scratch_puts(&dir, "s/derived/trees/" IO_TMP_PREFIX "1", "x");
	scratch_puts(&dir, "s/partial/" IO_TMP_PREFIX "2", "x");
	scratch_puts(&dir, "s/partial/" DIGITS, "held bytes");
	scratch_puts(&dir, "s/partial/empty", "");
	scratch_puts(&dir, "s/partial/old", "bytes of a pull that failed");
	utimensat(dir.fd, "s/partial/old", (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0);
	scratch_puts(&dir, "s/derived/trees/" DIGITS, "");
	assert_opens();
	assert_true(scratch_has(&dir, t.path));
	assert_false(scratch_has(&dir, "s/derived/trees/" IO_TMP_PREFIX "1"));
	assert_false(scratch_has(&dir, "s/partial/" IO_TMP_PREFIX "2"));
	assert_true(scratch_has(&dir, "s/partial/" DIGITS));
	assert_false(scratch_has(&dir, "s/partial/empty"));
	assert_false(scratch_has(&dir, "s/partial/old"));
	assert_true(scratch_has(&dir, "s/derived/trees/" DIGITS));
	io_tmp_abort(&t);
}

struct counter {
	struct store *store;
	int value; /* under the store's lock, and nothing else */
};

static void *count_up(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < 200; i++) {
		AUTO(store_unlock) struct store_lock *lock = NULL;
		int seen;

		if (store_lock(c->store, &lock, NULL))
			return NULL;
		seen = __atomic_load_n(&c->value, __ATOMIC_RELAXED);
		sched_yield();
		__atomic_store_n(&c->value, seen + 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void the_lock_excludes_threads(void **state)
{
	AUTO(store_close) struct store *s = NULL;
	struct counter counter = {0};
	pthread_t threads[4];
	void *result;

	(void)state;
	assert_int_equal(store_open(scratch_path(&dir, "s"), &s, NULL), 0);
	counter.store = s;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, &counter), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	assert_int_equal(counter.value, 800);
}

static void the_lock_dies_with_its_holder(void **state)
{
	AUTO(store_close) struct store *s = NULL;
	AUTO(store_unlock) struct store_lock *lock = NULL;
	int pipe_fds[2], status, fd;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(store_open(scratch_path(&dir, "s"), &s, NULL), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	pid = scratch_fork();
	if (pid == 0) {
		if (store_lock(s, &lock, NULL) || write(pipe_fds[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	fd = openat(store_dirfd(s), "lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(store_lock(s, &lock, NULL), 0);
	close(fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void *open_one(void *path)
{
	AUTO(store_close) struct store *s = NULL;

	return store_open(path, &s, NULL) == 0 ? path : NULL;
}

static void many_may_create_one_store_at_once(void **state)
{
	pthread_t threads[8];
	char path[512];
	void *result;

	(void)state;
	strcpy(path, scratch_path(&dir, "s"));
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_one, path), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	assert_opens();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_new_store_is_an_empty_layout_of_its_owner),
	    TEST(a_store_opens_again_unchanged),
	    TEST(a_layout_of_another_program_opens_and_gets_what_it_lacks),
	    TEST(a_directory_of_something_else_is_refused_and_left_alone),
	    TEST(a_creation_that_was_killed_is_completed),
	    TEST(another_layout_version_is_refused),
	    TEST(another_version_of_derived_is_written_anew),
	    TEST(a_damaged_index_is_refused_by_name_and_kept),
	    TEST(derived_may_be_deleted),
	    TEST(a_store_of_another_user_is_opened_for_reading),
	    TEST(a_store_that_is_not_writable_is_opened_for_reading),
	    TEST(a_store_on_a_read_only_disk_is_opened_for_reading),
	    TEST(the_sweep_spares_what_a_living_process_holds),
	    TEST(the_lock_excludes_threads),
	    TEST(the_lock_dies_with_its_holder),
	    TEST(many_may_create_one_store_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "store/disk/names.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/emulator.h"
#include "tests/unit/scratch.h"

#define DIGITS "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct scratch dir;
static struct store *store;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return store_open(dir.path, &store, NULL);
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

static struct descriptor descriptor(uint64_t size)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, .size = size};

	digest_of(DIGEST_SHA256, &size, sizeof(size), &d.digest, NULL);
	return d;
}

static void set(const char *reference, uint64_t size)
{
	struct descriptor d = descriptor(size);
	struct err err = {0};

	if (names_set(store, reference, &d, &err))
		fail_msg("%s", err.text);
}

static struct names *get(void)
{
	struct names *n = NULL;
	struct err err = {0};

	if (names_get(store, &n, &err))
		fail_msg("%s", err.text);
	return n;
}

static void a_name_that_is_set_is_found(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	const struct name *name;
	struct descriptor d = descriptor(7);
	struct timespec now;

	(void)state;
	d.has_platform = true;
	platform_set(&d.platform, "linux", "arm", "v6", NULL);
	assert_int_equal(names_set(store, "docker.io/library/redis:7", &d, NULL), 0);
	n = get();
	assert_int_equal(names_count(n), 1);
	name = names_find(n, "docker.io/library/redis:7");
	assert_non_null(name);
	assert_string_equal(name->descriptor.media_type, OCI_TYPE_MANIFEST);
	assert_true(digest_equal(&name->descriptor.digest, &d.digest));
	assert_int_equal(name->descriptor.size, 7);
	assert_true(platform_equal(&name->descriptor.platform, &d.platform));
	clock_gettime(CLOCK_REALTIME, &now);
	assert_true(name->pulled.tv_sec >= now.tv_sec - 60 && name->pulled.tv_sec <= now.tv_sec);
	assert_null(names_find(n, "docker.io/library/redis"));
	assert_null(names_find(n, ""));
}

static void setting_again_replaces(void **state)
{
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	set("h.x/a:1", 1);
	set("h.x/b:1", 2);
	set("h.x/a:1", 3);
	n = get();
	assert_int_equal(names_find(n, "h.x/a:1")->descriptor.size, 3);
	assert_int_equal(names_find(n, "h.x/b:1")->descriptor.size, 2);
}

/* The dangling name of descriptor(size) in h.x/a, or NULL. */
static const struct name *dangling(const struct names *n, uint64_t size)
{
	struct descriptor d = descriptor(size);
	char reference[256], text[DIGEST_TEXT_MAX];
	const struct name *found;

	snprintf(reference, sizeof(reference), "h.x/a@%s", digest_text(&d.digest, text));
	found = names_find(n, reference);
	return found && found->dangling ? found : NULL;
}

static void an_image_whose_last_tag_moves_dangles(void **state)
{
	AUTO(names_put) struct names *moved = NULL, *again = NULL, *after = NULL;

	(void)state;
	set("h.x/a:1", 1);
	set("h.x/b:1", 2);
	set("h.x/a:1", 2);
	moved = get();
	assert_int_equal(names_count(moved), 3);
	assert_non_null(dangling(moved, 1));
	assert_false(names_find(moved, "h.x/a:1")->dangling);
	set("h.x/b:1", 3); /* 2 has a name still */
	again = get();
	assert_null(dangling(again, 2));
	set("h.x/c:1", 1); /* … and 1 has one again */
	after = get();
	assert_null(dangling(after, 1));
	assert_int_equal(names_count(after), 3);
}

static void setting_the_same_again_leaves_nothing(void **state)
{
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	set("h.x/a:1", 1);
	set("h.x/a:1", 1);
	n = get();
	assert_int_equal(names_count(n), 1);
}

static void several_changes_are_one(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	struct descriptor one = descriptor(1), two = descriptor(2);
	struct names_change changes[] = {
	    {.reference = "h.x/b:1", .set = &one},
	    {.reference = "h.x/a:1", .only = &two.digest},
	    {.reference = "h.x/a:1", .only = &one.digest},
	    {.reference = "h.x/a:2"},
	};
	struct names_change bad[] = {{.reference = "h.x/c:1", .set = &one},
				     {.reference = "no name", .set = &one}};
	struct names_change gone = {.reference = "h.x/c:1", .set = &two, .named = true};

	(void)state;
	set("h.x/a:1", 1);
	assert_int_equal(names_edit(store, changes, 4, NULL), 0);
	assert_false(changes[1].done);
	assert_true(changes[2].done);
	assert_false(changes[3].done);
	assert_int_equal(names_edit(store, bad, 2, NULL), -EINVAL);
	assert_int_equal(names_edit(store, &gone, 1, NULL), -ENOENT);
	n = get();
	assert_int_equal(names_count(n), 1);
	assert_non_null(names_find(n, "h.x/b:1"));
}

static void names_are_sorted_and_found_by_prefix(void **state)
{
	static const char *const references[] = {"h.x/b:2",  "h.x/a/b:1", "h.x/a:1",
						 "h.x/b:10", "h.x/a-b:1", "h.x/b:1"};
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++)
		set(references[i], i);
	n = get();
	for (size_t i = 1; i < names_count(n); i++)
		assert_true(strcmp(names_at(n, i - 1)->reference, names_at(n, i)->reference) < 0);
	assert_int_equal(names_lower_bound(n, "h.x/b:"), 3);
	assert_string_equal(names_at(n, 3)->reference, "h.x/b:1");
	assert_int_equal(names_lower_bound(n, ""), 0);
	assert_int_equal(names_lower_bound(n, "h.x/c"), 6);
	assert_null(names_at(n, 6));
}

static void a_removed_name_is_gone(void **state)
{
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	set("h.x/a:1", 1);
	set("h.x/a:2", 1);
	assert_int_equal(names_remove(store, "h.x/a:1", NULL), 0);
	assert_int_equal(names_remove(store, "h.x/a:1", NULL), -ENOENT);
	n = get();
	assert_int_equal(names_count(n), 1);
	assert_non_null(names_find(n, "h.x/a:2"));
}

static void a_snapshot_does_not_change(void **state)
{
	AUTO(names_put) struct names *old = NULL, *same = NULL, *new = NULL;

	(void)state;
	needs_nanoseconds();
	set("h.x/a:1", 1);
	old = get();
	same = get();
	assert_ptr_equal(old, same);
	set("h.x/a:1", 2);
	assert_int_equal(names_find(old, "h.x/a:1")->descriptor.size, 1);
	new = get();
	assert_int_equal(names_find(new, "h.x/a:1")->descriptor.size, 2);
}

static void every_change_moves_the_time_forward(void **state)
{
	struct timespec last = {0}, changed;

	(void)state;
	needs_nanoseconds();
	for (int i = 0; i < 20; i++) {
		AUTO(names_put) struct names *n = NULL;

		set("h.x/a:1", 1);
		n = get();
		changed = names_changed(n);
		assert_true(changed.tv_sec > last.tv_sec ||
			    (changed.tv_sec == last.tv_sec && changed.tv_nsec > last.tv_nsec));
		last = changed;
	}
}

static void a_clock_that_was_set_back_is_no_matter(void **state)
{
	struct timespec times[2] = {{.tv_sec = 4000000000, .tv_nsec = 999999999},
				    {.tv_sec = 4000000000, .tv_nsec = 999999999}};
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	needs_nanoseconds();
	assert_int_equal(utimensat(dir.fd, "index.json", times, 0), 0);
	set("h.x/a:1", 1);
	n = get();
	assert_int_equal(names_changed(n).tv_sec, 4000000001);
	assert_int_equal(names_changed(n).tv_nsec, 0);
}

static void a_change_within_the_same_second_is_later(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	struct timespec times[2], changed;

	(void)state;
	needs_nanoseconds();
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_nsec = 999999998;
	times[1] = times[0];
	assert_int_equal(utimensat(dir.fd, "index.json", times, 0), 0);
	set("h.x/a:1", 1);
	n = get();
	changed = names_changed(n);
	assert_true(changed.tv_sec > times[0].tv_sec || changed.tv_nsec > times[0].tv_nsec);
}

/* A name of the repository that stands for the layout itself. */
static const struct name *localhost(const struct names *n, const char *rest)
{
	for (size_t i = 0; i < names_count(n); i++) {
		const char *reference = names_at(n, i)->reference;

		if (!strncmp(reference, "localhost/", 10) &&
		    !strcmp(reference + 10 + strcspn(reference + 10, ":@"), rest))
			return names_at(n, i);
	}
	fail_msg("no localhost/…%s", rest);
	return NULL;
}

static void what_others_wrote_is_kept(void **state)
{
	static const char foreign[] =
	    "{\"schemaVersion\":2,\"x\":{\"y\":[1.50,null,\"\\u0000\"]},\"manifests\":["
	    "{\"mediaType\":\"a/b\",\"digest\":\"sha256:" DIGITS
	    "\",\"size\":1,\"artifactType\":\"c/d\",\"annotations\":{\"k\":\"v\"}},"
	    "{\"mediaType\":\"a/b\",\"digest\":\"sha256:" DIGITS
	    "\",\"size\":2,\"z\":true,\"annotations\":"
	    "{\"org.opencontainers.image.ref.name\":\"latest\"}}],"
	    "\"annotations\":{\"q\":\"r\"}}";
	AUTO(names_put) struct names *n = NULL;
	const struct name *name;
	char *text;

	(void)state;
	scratch_puts(&dir, "index.json", foreign);
	set("h.x/a:1", 7);
	n = get();
	assert_int_equal(names_count(n), 3);
	name = localhost(n, ":latest");
	assert_int_equal(name->descriptor.size, 2);
	assert_int_equal(name->pulled.tv_sec, 0);
	name = localhost(n, "@sha256:" DIGITS);
	assert_string_equal(json_string(name->descriptor.annotations, "k"), "v");
	assert_int_equal(names_remove(store, "h.x/a:1", NULL), 0);
	text = scratch_read(&dir, "index.json", NULL);
	assert_string_equal(text, foreign);
	free(text);
}

static void go_s_empty_list_is_a_list(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	AUTO(names_put) struct names *after = NULL;

	(void)state;
	scratch_puts(&dir, "index.json", "{\"schemaVersion\":2,\"manifests\":null}");
	n = get();
	assert_int_equal(names_count(n), 0);
	set("h.x/a:1", 1);
	after = get();
	assert_int_equal(names_count(after), 1);
}

static void a_change_by_another_program_is_seen(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	AUTO(names_put) struct names *after = NULL;

	(void)state;
	n = get();
	scratch_puts(&dir, "index.json",
		     "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"a/b\",\"digest\":"
		     "\"sha256:" DIGITS "\",\"size\":1}]}");
	after = get();
	assert_int_equal(names_count(after), 1);
}

static void a_damaged_index_is_an_error_and_stays(void **state)
{
	static const char *const damaged[] = {
	    "",
	    "{\"manifests\":[",
	    "{\"manifests\":[{}]}",
	    "{\"manifests\":[{\"mediaType\":\"a/b\",\"digest\":\"sha256:../x\",\"size\":1}]}",
	};
	struct descriptor d = descriptor(1);
	struct names *n;
	struct err err;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		scratch_puts(&dir, "index.json", damaged[i]);
		assert_int_equal(names_get(store, &n, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "index.json"));
		assert_non_null(strstr(err.text, dir.path));
	}
	scratch_puts(&dir, "index.json", damaged[1]);
	assert_int_equal(names_set(store, "h.x/a:1", &d, NULL), -EBADMSG);
	text = scratch_read(&dir, "index.json", NULL);
	assert_string_equal(text, damaged[1]);
	free(text);
}

static void names_that_would_break_a_line_are_refused(void **state)
{
	static const char *const bad[] = {"", "a b", "a\nb", "a\tb", "\033[31m", "dev", "redis:7"};
	struct descriptor d = descriptor(1);
	AUTO(names_put) struct names *n = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(names_set(store, bad[i], &d, NULL), -EINVAL);
	n = get();
	assert_int_equal(names_count(n), 0);
}

#define THREADS	   8
#define PER_THREAD 10

static void *set_many(void *arg)
{
	unsigned id = *(unsigned *)arg;
	struct descriptor d = descriptor(id);
	char reference[64];

	for (int i = 0; i < PER_THREAD; i++) {
		AUTO(names_put) struct names *n = NULL;

		snprintf(reference, sizeof(reference), "h.x/repo%u:%d", id, i);
		if (names_set(store, reference, &d, NULL) || names_get(store, &n, NULL) ||
		    !names_find(n, reference))
			return NULL;
	}
	return arg;
}

static void threads_that_set_at_once_lose_none(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	pthread_t threads[THREADS];
	unsigned ids[THREADS];
	void *result;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		ids[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, set_many, &ids[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	n = get();
	assert_int_equal(names_count(n), THREADS * PER_THREAD);
}

static void processes_that_set_at_once_lose_none(void **state)
{
	AUTO(names_put) struct names *n = NULL;
	pid_t pids[4];
	int status;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pids[i] = scratch_fork();
		if (pids[i] == 0)
			_exit(set_many(&i) ? 0 : 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	n = get();
	assert_int_equal(names_count(n), 4 * PER_THREAD);
}

/* Sets a name again and again; a byte in the pipe tells of each time. */
static void keep_setting(int told)
{
	uint64_t k = 0;

	do {
		set("h.x/moving:1", k++);
	} while (write(told, "x", 1) == 1);
}

static void a_kill_leaves_the_old_names_or_the_new(void **state)
{
	unsigned seed = 1;

	(void)state;
	set("h.x/kept:1", 1);
	for (int i = 0; i < 20; i++) {
		AUTO(names_put) struct names *n = NULL;

		scratch_kill_after((unsigned)rand_r(&seed) % 20, keep_setting);
		n = get();
		assert_non_null(names_find(n, "h.x/kept:1"));
	}
	store_close(store);
	assert_int_equal(store_open(dir.path, &store, NULL), 0);
	set("h.x/last:1", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_name_that_is_set_is_found),
	    TEST(setting_again_replaces),
	    TEST(an_image_whose_last_tag_moves_dangles),
	    TEST(setting_the_same_again_leaves_nothing),
	    TEST(several_changes_are_one),
	    TEST(names_are_sorted_and_found_by_prefix),
	    TEST(a_removed_name_is_gone),
	    TEST(a_snapshot_does_not_change),
	    TEST(every_change_moves_the_time_forward),
	    TEST(a_clock_that_was_set_back_is_no_matter),
	    TEST(a_change_within_the_same_second_is_later),
	    TEST(what_others_wrote_is_kept),
	    TEST(go_s_empty_list_is_a_list),
	    TEST(a_change_by_another_program_is_seen),
	    TEST(a_damaged_index_is_an_error_and_stays),
	    TEST(names_that_would_break_a_line_are_refused),
	    TEST(threads_that_set_at_once_lose_none),
	    TEST(processes_that_set_at_once_lose_none),
	    TEST(a_kill_leaves_the_old_names_or_the_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

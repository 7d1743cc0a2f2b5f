/* SPDX-License-Identifier: MIT */
#include "fs/tree/catalog.h"

#include <dirent.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/emulator.h"
#include "tests/unit/scratch.h"

static struct scratch dir;
static struct store *store;
static struct catalogs *cache;

static int setup(void **state)
{
	(void)state;
	dir = scratch_make();
	return store_open(dir.path, &store, NULL) || catalogs_open(&cache, NULL);
}

static int teardown(void **state)
{
	(void)state;
	catalogs_close(cache);
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

static struct digest name(const char *reference, uint64_t content)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST, .size = content};

	digest_of(DIGEST_SHA256, &content, sizeof(content), &d.digest, NULL);
	assert_int_equal(names_set(store, reference, &d, NULL), 0);
	return d.digest;
}

static struct catalog *get(void)
{
	struct catalog *c = NULL;

	assert_int_equal(catalog_get(cache, store, &c, NULL), 0);
	return c;
}

/* The listing of a place as one text: "/" behind directories, "@" behind links, no digests. */
static void assert_listing(const char *place, const char *wanted)
{
	AUTO(catalog_put) struct catalog *c = get();
	struct listing l = {.names = BUF_INIT};
	autobuf text = BUF_INIT;
	const char *at;

	catalog_list(c, place, &l);
	at = l.names.data;
	for (size_t i = 0; i < l.count; i++) {
		const char *entry = at + 1;

		if (strncmp(entry, "sha256:", 7) != 0)
			buf_printf(&text, "%s%s ", entry, *at == DT_DIR ? "/" : "@");
		at = entry + strlen(entry) + 1;
	}
	assert_string_equal(text.data ? text.data : "", wanted);
	buf_free(&l.names);
}

static void repositories_are_listed_in_familiar_form(void **state)
{
	(void)state;
	name("docker.io/library/redis:7", 1);
	name("docker.io/org/app:v1", 2);
	name("ghcr.io/org/app:v1", 3);
	name("localhost:5000/team/app:v1", 4);
	assert_listing("", "ghcr.io/ localhost:5000/ org/ redis/ ");
	assert_listing("ghcr.io", "org/ ");
	assert_listing("ghcr.io/org/app", "v1@ ");
	assert_listing("redis", "7@ ");
	assert_listing("nosuch", "");
}

static void a_name_is_listed_once_whatever_sorts_between(void **state)
{
	(void)state;
	name("docker.io/a/b:1", 1);
	name("docker.io/a/b-c:1", 2);
	name("docker.io/a/b/d:1", 3);
	assert_listing("a", "b/ b-c/ ");
	assert_listing("a/b", "d/ 1@ ");
}

static void where_a_name_is_a_repository_and_a_tag_it_is_the_repository(void **state)
{
	(void)state;
	name("docker.io/a/b:c", 1);
	name("docker.io/a/b/c:1", 2);
	assert_listing("a/b", "c/ ");
}

static void digests_of_tags_are_listed_once(void **state)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	struct listing l = {.names = BUF_INIT};
	struct digest d;

	(void)state;
	name("docker.io/library/redis:7", 1);
	name("docker.io/library/redis:7.2", 1);
	d = name("docker.io/library/redis:6", 2);
	c = get();
	catalog_list(c, "redis", &l);
	assert_int_equal(l.count, 5);
	assert_true(catalog_digest(c, "redis", &d));
	assert_false(catalog_digest(c, "other", &d));
	buf_free(&l.names);
}

static void places_lead_to_repositories(void **state)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	size_t count;

	(void)state;
	name("ghcr.io/org/app:v1", 1);
	c = get();
	assert_true(catalog_leads(c, "ghcr.io"));
	assert_true(catalog_leads(c, "ghcr.io/org"));
	assert_true(catalog_leads(c, "ghcr.io/org/app"));
	assert_false(catalog_leads(c, "ghcr.io/org/ap"));
	assert_false(catalog_leads(c, "ghcr.io/org/app/v1"));
	catalog_repository(c, "ghcr.io/org", &count);
	assert_int_equal(count, 0);
	catalog_repository(c, "ghcr.io/org/app", &count);
	assert_int_equal(count, 1);
	assert_non_null(catalog_tag(c, "ghcr.io/org/app", "v1"));
	assert_null(catalog_tag(c, "ghcr.io/org/app", "v2"));
}

static void a_new_name_makes_a_new_catalog_and_old_ones_stay(void **state)
{
	AUTO(catalog_put) struct catalog *before = NULL, *same = NULL, *after = NULL;

	(void)state;
	needs_nanoseconds();
	name("docker.io/library/redis:7", 1);
	before = get();
	same = get();
	assert_ptr_equal(before, same);
	name("docker.io/library/debian:12", 2);
	after = get();
	assert_ptr_not_equal(before, after);
	assert_null(catalog_tag(before, "debian", "12"));
	assert_non_null(catalog_tag(after, "debian", "12"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(repositories_are_listed_in_familiar_form),
	    TEST(a_name_is_listed_once_whatever_sorts_between),
	    TEST(where_a_name_is_a_repository_and_a_tag_it_is_the_repository),
	    TEST(digests_of_tags_are_listed_once),
	    TEST(places_lead_to_repositories),
	    TEST(a_new_name_makes_a_new_catalog_and_old_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

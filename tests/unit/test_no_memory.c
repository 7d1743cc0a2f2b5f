/* SPDX-License-Identifier: MIT */
/* Out of memory is no answer: whoever asks for names gets an error, and not that there is none. */
#include "fs/docker/images_table.h"
#include "fs/docker/resolve.h"
#include "fs/tree/catalog.h"
#include "store/disk/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/failing_malloc.h"
#include "tests/unit/scratch.h"

#define TAG "h.example/app:1"

static struct scratch dir;
static struct store *store;
static struct descriptor named = {.media_type =
				      (char *)"application/vnd.oci.image.manifest.v1+json"};
static char by_digest[300], id[DIGEST_HEX_MAX];

static int setup(void **state)
{
	char text[DIGEST_TEXT_MAX];

	(void)state;
	dir = scratch_make();
	assert_int_equal(digest_of(DIGEST_SHA256, "x", 1, &named.digest, NULL), 0);
	named.size = 1;
	snprintf(by_digest, sizeof(by_digest), "h.example/app@%s",
		 digest_text(&named.digest, text));
	digest_hex(&named.digest, id);
	return store_open(dir.path, &store, NULL);
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	scratch_drop(&dir);
	return 0;
}

/* Nobody has seen the file before: no snapshot of it is at hand. */
static void open_anew(void)
{
	int left = failing_stop();

	store_close(store);
	assert_int_equal(store_open(dir.path, &store, NULL), 0);
	assert_int_equal(names_set(store, TAG, &named, NULL), 0);
	failing_left = left;
}

static bool is_named(void)
{
	struct names *names;
	bool is;

	assert_int_equal(names_get(store, &names, NULL), 0);
	is = names_find(names, TAG) != NULL;
	names_put(names);
	return is;
}

static void remove_name(void)
{
	int r, left;

	open_anew();
	r = names_remove(store, TAG, NULL);
	left = failing_stop();
	assert_true(r == 0 || r == -ENOMEM);
	assert_int_equal(is_named(), r != 0);
	failing_left = left;
}

static void a_removal_is_done_or_fails(void **state)
{
	(void)state;
	failing_each(remove_name);
}

static void find(const char *word)
{
	struct platform none = {0};
	struct resolved found;
	int r;

	open_anew();
	r = resolve(store, &none, word, &found, NULL);
	if (r)
		assert_int_equal(r, -ENOMEM);
	else
		assert_int_equal(found.count, 1);
	if (!r)
		resolved_clear(&found);
}

static void find_tag(void)
{
	find(TAG);
}

static void find_digest(void)
{
	find(by_digest);
}

static void find_id(void)
{
	find(id);
}

static void a_name_is_found_or_asking_fails(void **state)
{
	(void)state;
	failing_each(find_tag);
	failing_each(find_digest);
	failing_each(find_id);
}

static void list_places(void)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	struct catalogs *cache;
	int r, left;

	open_anew();
	left = failing_stop();
	assert_int_equal(catalogs_open(&cache, NULL), 0);
	failing_left = left;
	r = catalog_get(cache, store, &c, NULL);
	if (r)
		assert_int_equal(r, -ENOMEM);
	else
		assert_int_equal(catalog_count(c), 1);
	catalogs_close(cache);
}

static void the_catalog_has_all_names_or_none(void **state)
{
	(void)state;
	failing_each(list_places);
}

static void print_images(void)
{
	static char filter[] = "--filter", pattern[] = "reference=h.example/*";
	char *words[] = {filter, pattern};
	struct words arguments = {.at = words, .count = 2};
	struct platform none = {0};
	autobuf out = BUF_INIT;
	int r;

	open_anew();
	r = images_table(store, &none, &arguments, 1700000000, &out, NULL);
	if (r)
		assert_int_equal(r, -ENOMEM);
	else if (!buf_failed(&out))
		assert_non_null(strstr(out.data, "h.example/app"));
}

static void the_table_has_all_rows_or_none(void **state)
{
	(void)state;
	failing_each(print_images);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_removal_is_done_or_fails),
	    TEST(a_name_is_found_or_asking_fails),
	    TEST(the_catalog_has_all_names_or_none),
	    TEST(the_table_has_all_rows_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

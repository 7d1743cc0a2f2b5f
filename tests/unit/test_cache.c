/* SPDX-License-Identifier: MIT */
/* What is here of images that nobody pulled: counted, and taken away by its last use. */
#include "store/images/cache.h"

#include "store/disk/held.h"
#include "store/disk/lease.h"
#include "store/disk/names.h"

#include <errno.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/sample_image.h"

#include "tests/unit/blob_make.h"

#define LAYERS 3

static struct sample_image images[3];
static struct digest used; /* the image that is in use */

static bool is_used(void *arg, const struct digest *image)
{
	++*(int *)arg;
	return digest_equal(image, &used);
}

static void put_sample(const struct sample *s)
{
	assert_int_equal(blob_put(store, &s->digest, s->body.data, s->body.len, NULL), 0);
}

static uint64_t layer_bytes(const struct sample_image *i)
{
	uint64_t n = 0;

	for (size_t k = 0; k < i->layer_count; k++)
		n += i->layers[k].blob.body.len;
	return n;
}

static void set_name(const char *name, const struct sample_image *i, bool looked_up)
{
	struct descriptor d = {.media_type = (char *)OCI_TYPE_MANIFEST,
			       .digest = i->manifest.digest,
			       .size = i->manifest.body.len};
	struct names_change change = {.reference = name, .set = &d, .looked_up = looked_up};

	assert_int_equal(names_edit(store, &change, 1, NULL), 0);
}

static void add_image(struct sample_image *i, const char *name, bool looked_up)
{
	sample_image_make(i, name, LAYERS, "");
	for (size_t k = 0; k < LAYERS; k++)
		put_sample(&i->layers[k].blob);
	put_sample(&i->config);
	put_sample(&i->manifest);
	set_name(name, i, looked_up);
}

/* An image whose layer is here in part: the blob of blob_make.h. */
static void add_lazy_image(void)
{
	struct sample_image i;
	struct sample blob;

	sample_image_make(&i, "lazy", 1, "");
	blob = i.layers[0].blob;
	i.layers[0].blob = (struct sample){.body = {.len = SIZE}, .digest = digest};
	sample_manifest_make(&i, SAMPLE_LAYER_TYPE, "");
	i.layers[0].blob = blob;
	put_sample(&i.config);
	put_sample(&i.manifest);
	set_name("h.x/lazy:1", &i, true);
	sample_image_free(&i);
}

static void use_at(const struct sample *s, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_nsec = UTIME_OMIT}};
	char blob[BLOB_PATH_MAX];

	assert_int_equal(utimensat(dir.fd, blob_path(&s->digest, blob), times, 0), 0);
}

static void use_image_at(const struct sample_image *i, time_t seconds)
{
	for (size_t k = 0; k < i->layer_count; k++)
		use_at(&i->layers[k].blob, seconds);
}

static bool is_here(const struct sample_image *i)
{
	return blob_exists(store, &i->layers[LAYERS - 1].blob.digest, BLOB_SIZE_ANY);
}

static bool has_name(const char *name)
{
	AUTO(names_put) struct names *names = NULL;

	assert_int_equal(names_get(store, &names, NULL), 0);
	return names_find(names, name) != NULL;
}

/* One that was pulled, two that were looked up. */
static int setup_images(void **state)
{
	int r = setup(state);

	memset(&used, 0, sizeof(used));
	add_image(&images[0], "h.x/pulled:1", false);
	add_image(&images[1], "h.x/old:1", true);
	add_image(&images[2], "h.x/young:1", true);
	use_image_at(&images[0], 100);
	use_image_at(&images[1], 1000);
	use_image_at(&images[2], 2000);
	return r;
}

static int teardown_images(void **state)
{
	for (size_t i = 0; i < 3; i++)
		sample_image_free(&images[i]);
	return teardown(state);
}

static struct cache_size measured(void)
{
	struct cache_size size;

	assert_int_equal(cache_measure(store, &size, NULL), 0);
	return size;
}

static int asked; /* whether an image is in use */

static uint64_t trim_to(uint64_t bytes)
{
	struct cache_trim t = {.most = bytes, .down_to = bytes, .in_use = is_used, .arg = &asked};

	assert_int_equal(cache_trim(store, &t, NULL), 0);
	return t.gone;
}

static void what_was_pulled_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(measured().held, 0);
	assert_int_equal(measured().whole, layer_bytes(&images[1]) + layer_bytes(&images[2]));
	set_name("h.x/other:1", &images[1], false); /* it has a name that stays */
	assert_int_equal(measured().whole, layer_bytes(&images[2]));
	set_name("h.x/young:1", &images[2], false); /* pulled now */
	assert_int_equal(measured().whole, 0);
	set_name("h.x/young:1", &images[2], true); /* and it stays so when it is looked up again */
	assert_int_equal(measured().whole, 0);
	assert_int_equal(trim_to(0), 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(is_here(&images[i]));
}

static void the_least_recently_used_image_goes(void **state)
{
	(void)state;
	assert_int_equal(trim_to(measured().whole), 0);
	assert_true(trim_to(measured().whole - 1) >= layer_bytes(&images[1]));
	assert_false(is_here(&images[1]) || has_name("h.x/old:1"));
	assert_true(is_here(&images[2]) && has_name("h.x/young:1"));
	assert_true(trim_to(0) > 0);
	assert_false(is_here(&images[2]) || has_name("h.x/young:1"));
	assert_true(is_here(&images[0]) && has_name("h.x/pulled:1"));
}

static void what_is_in_use_or_leased_stays(void **state)
{
	struct lease *lease;

	(void)state;
	used = images[1].manifest.digest;
	assert_true(trim_to(layer_bytes(&images[1])) > 0);
	assert_true(is_here(&images[1]));
	assert_false(is_here(&images[2]));
	assert_int_equal(lease_open(store, &lease, NULL), 0);
	assert_int_equal(lease_add(lease, &images[1].layers[LAYERS - 1].blob.digest, 1, NULL), 0);
	memset(&used, 0, sizeof(used));
	trim_to(0);
	assert_true(is_here(&images[1]));
	lease_close(lease);
}

/* By slots, whatever blob they belong to, and images between them. */
static void slots_go_by_their_use(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 500}, {.tv_nsec = UTIME_OMIT}};
	char name[BLOB_PATH_MAX + 20];
	struct byte_range all = {0, SIZE};
	struct held *h;
	uint64_t held;

	(void)state;
	add_lazy_image();
	snprintf(name, sizeof(name), "%s.%u%s", partial, SIZE, HELD_SUFFIX);
	assert_int_equal(held_open(store, &digest, SIZE, &h, NULL), 0);
	assert_int_equal(held_write(h, data, SIZE, 0, NULL), 0);
	held_close(h);
	assert_int_equal(utimensat(dir.fd, name, old, 0), 0);
	assert_int_equal(held_open(store, &digest, SIZE, &h, NULL), 0);
	held_used(h, (struct byte_range){HELD_SLOT, 3 * HELD_SLOT});
	held = measured().held;
	assert_true(held >= SIZE && held <= SIZE + 65536);
	/* The slots of old are older than both images; those that are used are younger. */
	trim_to(measured().whole + 3 * HELD_SLOT);
	assert_true(is_here(&images[1]));
	assert_int_equal(held_bytes(h), 3 * HELD_SLOT);
	trim_to(measured().whole + 2 * HELD_SLOT);
	assert_int_equal(held_bytes(h), 2 * HELD_SLOT);
	assert_true(held_seen(h, (struct byte_range){HELD_SLOT, 3 * HELD_SLOT}));
	trim_to(2 * HELD_SLOT + 65536);
	assert_false(is_here(&images[1]) || is_here(&images[2]));
	assert_int_equal(held_bytes(h), 2 * HELD_SLOT);
	trim_to(HELD_SLOT + 65536);
	assert_true(held_missing(h, &all));
	assert_int_equal(held_bytes(h), HELD_SLOT);
	held_close(h);
}

/* Who is about to fetch asks for nothing but what is here in part. */
static void images_stay_where_slots_are_wanted(void **state)
{
	struct cache_trim t = {.most = HELD_SLOT, .down_to = 0};
	struct lease *lease;
	struct held *h;

	(void)state;
	asked = 0;
	assert_int_equal(held_open(store, &digest, SIZE, &h, NULL), 0);
	assert_int_equal(held_write(h, data, 2 * HELD_SLOT, 0, NULL), 0);
	assert_int_equal(lease_open(store, &lease, NULL), 0);
	assert_int_equal(lease_add(lease, &digest, 1, NULL), 0);
	assert_int_equal(cache_trim(store, &t, NULL), 0);
	assert_int_equal(held_bytes(h), 2 * HELD_SLOT); /* a pull has it */
	lease_close(lease);
	assert_int_equal(cache_trim(store, &t, NULL), 0);
	assert_int_equal(held_bytes(h), 0);
	assert_true(is_here(&images[1]) && is_here(&images[2]));
	assert_int_equal(asked, 0);
	held_close(h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_images, teardown_images)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_pulled_does_not_count),     TEST(the_least_recently_used_image_goes),
	    TEST(what_is_in_use_or_leased_stays),     TEST(slots_go_by_their_use),
	    TEST(images_stay_where_slots_are_wanted),
	};

	return cmocka_run_group_tests(tests, setup_data, teardown_data);
}

/* SPDX-License-Identifier: MIT */
/* Blobs that are here in part: kept, shared, cut by crashes, made whole. */
#include "store/disk/held.h"

#include "store/images/gc.h"
#include "store/disk/lease.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/blob_make.h"

#define MAP_HEADER 24
#define MAP_RECORD 32

static char held_name[BLOB_PATH_MAX + 20], map_name[BLOB_PATH_MAX + 20];

static int setup_held(void **state)
{
	snprintf(held_name, sizeof(held_name), "%s.%u%s", partial, SIZE, HELD_SUFFIX);
	snprintf(map_name, sizeof(map_name), "%s.%u%s", partial, SIZE, HELD_MAP_SUFFIX);
	return setup(state);
}

static struct held *open_whole(void)
{
	struct held *h = NULL;
	struct err err = {0};

	if (held_open(store, &digest, SIZE, &h, &err))
		fail_msg("%s", err.text);
	return h;
}

static void put(struct held *h, uint64_t first, uint64_t end)
{
	assert_int_equal(held_write(h, data + first, end - first, first, NULL), 0);
}

/* [first, end) is held, and right. */
static void assert_held(struct held *h, uint64_t first, uint64_t end)
{
	struct byte_range r = {first, end};
	char *back = malloc(end - first);

	assert_false(held_missing(h, &r));
	assert_int_equal(pread(held_fd(h), back, end - first, (off_t)first), end - first);
	assert_memory_equal(back, data + first, end - first);
	free(back);
}

static void assert_missing(struct held *h, uint64_t first, uint64_t end)
{
	struct byte_range r = {first, end};

	assert_true(held_missing(h, &r));
	assert_int_equal(r.first, first);
	assert_int_equal(r.end, end);
}

static void what_was_written_is_held_by_the_next(void **state)
{
	struct held *h;

	(void)state;
	assert_int_equal(held_open_existing(store, &digest, SIZE, &h, NULL), -ENOENT);
	h = open_whole();
	assert_missing(h, 0, SIZE);
	put(h, 1000, 5000);
	put(h, 5000, 9000);
	put(h, 100000, 100001);
	assert_held(h, 1000, 9000);
	assert_missing(h, 9000, 100000);
	held_close(h);
	assert_int_equal(held_open_existing(store, &digest, SIZE, &h, NULL), 0);
	assert_int_equal(held_bytes(h), 8001);
	assert_held(h, 1000, 9000);
	assert_held(h, 100000, 100001);
	assert_missing(h, 0, 1000);
	held_close(h);
}

/* As another process has it. */
static struct held *open_elsewhere(struct store **other)
{
	struct held *h = NULL;

	assert_int_equal(store_open(dir.path, other, NULL), 0);
	assert_int_equal(held_open(*other, &digest, SIZE, &h, NULL), 0);
	return h;
}

static void threads_see_it_at_once(void **state)
{
	struct held *a = open_whole(), *b = open_whole();

	(void)state;
	put(a, 0, 4096);
	assert_held(b, 0, 4096);
	held_close(a);
	put(b, 4096, 8192);
	held_close(b);
	a = open_whole();
	assert_held(a, 0, 8192);
	held_close(a);
}

static void others_see_what_was_synced(void **state)
{
	struct store *other;
	struct held *a = open_whole(), *b = open_elsewhere(&other);

	(void)state;
	put(a, 0, 4096);
	assert_missing(b, 0, 100);
	assert_int_equal(held_sync(a, NULL), 0);
	assert_held(b, 0, 4096);
	put(b, 4096, 8192);
	assert_int_equal(held_sync(b, NULL), 0);
	assert_held(a, 0, 8192);
	held_close(a);
	held_close(b);
	store_close(other);
}

static void what_is_dropped_is_missing_for_all(void **state)
{
	struct store *other;
	struct held *a = open_whole(), *b = open_elsewhere(&other);

	(void)state;
	put(a, 0, 9000);
	assert_int_equal(held_sync(a, NULL), 0);
	put(a, 9000, 10000);
	assert_held(b, 0, 9000);
	assert_int_equal(held_drop(a, (struct byte_range){2000, 9500}, NULL), 0);
	assert_missing(a, 2000, 9500);
	assert_missing(b, 9500, SIZE); /* it looks at the map, which has the drop */
	assert_missing(b, 2000, 9500);
	put(b, 2000, 3000); /* it comes again; the older record of the drop is not in its way */
	assert_held(b, 0, 3000);
	assert_missing(b, 9500, SIZE);
	assert_held(b, 0, 3000);
	held_close(b);
	store_close(other);
	held_close(a);
	a = open_whole();
	assert_held(a, 0, 3000);
	assert_missing(a, 3000, 9500);
	assert_held(a, 9500, 10000);
	held_close(a);
}

/* A record that was cut, or whose bytes are wrong, ends the map; the next one begins there. */
static void a_map_that_was_cut_keeps_what_is_whole(void **state)
{
	(void)state;
	for (off_t cut = MAP_HEADER + MAP_RECORD; cut < MAP_HEADER + 2 * MAP_RECORD; cut++) {
		struct held *h = open_whole();

		put(h, 0, 100);
		held_sync(h, NULL);
		put(h, 1000, 1100);
		held_close(h);
		assert_int_equal(truncate(scratch_path(&dir, map_name), cut), 0);
		h = open_whole();
		assert_held(h, 0, 100);
		assert_missing(h, 1000, 1100);
		put(h, 2000, 2100);
		held_close(h);
		h = open_whole();
		assert_held(h, 0, 100);
		assert_held(h, 2000, 2100);
		assert_int_equal(held_bytes(h), 200);
		held_close(h);
		assert_true(held_remove(store, &digest, SIZE));
	}
	assert_false(held_remove(store, &digest, SIZE));
}

static void a_map_without_its_file_holds_nothing(void **state)
{
	struct held *h = open_whole();

	(void)state;
	put(h, 0, 100);
	held_close(h);
	assert_int_equal(unlinkat(dir.fd, held_name, 0), 0);
	h = open_whole();
	assert_int_equal(held_bytes(h), 0);
	put(h, 0, 100);
	held_close(h);
	assert_int_equal(truncate(scratch_path(&dir, held_name), 50), 0);
	h = open_whole();
	assert_int_equal(held_bytes(h), 0);
	held_close(h);
}

/* Whoever says a wrong one gets in nobody's way. */
static void another_size_is_another_blob(void **state)
{
	struct held *h = open_whole(), *other;

	(void)state;
	put(h, 0, 100);
	assert_int_equal(held_open(store, &digest, SIZE - 1, &other, NULL), 0);
	assert_int_equal(held_bytes(other), 0);
	put(other, 50, 100);
	assert_held(h, 0, 100);
	held_close(other);
	held_close(h);
	h = open_whole();
	assert_held(h, 0, 100);
	held_close(h);
}

/* The log is written anew when it is opened. */
static void a_map_does_not_grow_without_end(void **state)
{
	struct stat st;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct held *h = open_whole();

		put(h, 100 * i, 100 * (i + 1));
		held_close(h);
	}
	assert_int_equal(fstatat(dir.fd, map_name, &st, 0), 0);
	assert_true(st.st_size >= MAP_HEADER + MAP_RECORD &&
		    st.st_size <= MAP_HEADER + 20 * MAP_RECORD);
}

static void a_whole_blob_is_published(void **state)
{
	struct store *other;
	struct held *h = open_whole(), *reader = open_elsewhere(&other);
	struct err err;

	(void)state;
	put(h, 0, SIZE / 2);
	assert_int_equal(held_publish(h, NULL, &err), -ENODATA);
	put(h, SIZE / 2, SIZE);
	assert_int_equal(held_publish(h, NULL, &err), 0);
	assert_whole();
	assert_false(scratch_has(&dir, held_name));
	assert_false(scratch_has(&dir, map_name));
	assert_held(reader, 0, SIZE);
	held_close(reader);
	store_close(other);
	held_close(h);
	assert_false(scratch_has(&dir, map_name));
}

static void wrong_bytes_are_not_published(void **state)
{
	struct held *h = open_whole();
	struct err err;

	(void)state;
	put(h, 0, SIZE);
	assert_int_equal(held_write(h, "?", 1, 7, NULL), 0);
	assert_int_equal(held_publish(h, NULL, &err), -EBADMSG);
	assert_int_equal(held_bytes(h), 0);
	assert_false(blob_exists(store, &digest, BLOB_SIZE_ANY));
	put(h, 0, SIZE);
	assert_int_equal(held_publish(h, NULL, &err), 0);
	held_close(h);
	assert_whole();
}

/* What no name and no lease needs goes with a prune; who has it open reads on. */
static void prune_takes_it_and_a_lease_keeps_it(void **state)
{
	struct held *h = open_whole();
	struct gc gc = {0};
	struct lease *lease;

	(void)state;
	put(h, 0, SIZE);
	held_sync(h, NULL);
	assert_int_equal(lease_open(store, &lease, NULL), 0);
	assert_int_equal(lease_add(lease, &digest, 1, NULL), 0);
	assert_int_equal(gc_run(store, &gc, NULL), 0);
	assert_true(scratch_has(&dir, held_name) && scratch_has(&dir, map_name));
	lease_close(lease);
	assert_int_equal(gc_run(store, &gc, NULL), 0);
	assert_false(scratch_has(&dir, held_name) || scratch_has(&dir, map_name));
	assert_true(gc.bytes >= SIZE && gc.bytes <= SIZE + 65536);
	assert_held(h, 0, SIZE);
	assert_int_equal(held_publish(h, NULL, NULL), -ESTALE);
	held_close(h);
	h = open_whole();
	assert_int_equal(held_bytes(h), 0);
	held_close(h);
}

static void take_away(struct held *h, uint64_t first, uint64_t end)
{
	struct byte_range r = {first, end};
	struct ranges list = {&r, 1};

	assert_int_equal(held_evict(h, &list, NULL), 0);
}

/* Whoever reads what goes finds that it went, and not that it is spoilt. */
static void what_is_taken_away_went_for_all(void **state)
{
	struct store *other;
	struct held *a = open_whole(), *b = open_elsewhere(&other);
	uint64_t before;

	(void)state;
	put(a, 0, SIZE);
	assert_int_equal(held_sync(a, NULL), 0);
	assert_held(b, 0, SIZE);
	before = held_losses(b);
	take_away(a, HELD_SLOT, 2 * HELD_SLOT);
	assert_missing(a, HELD_SLOT, 2 * HELD_SLOT);
	assert_int_equal(held_bytes(a), SIZE - HELD_SLOT);
	assert_true(held_on_disk(store, &digest, SIZE) <= SIZE - HELD_SLOT + 65536);
	assert_false(held_spoilt(b, (struct byte_range){HELD_SLOT, HELD_SLOT + 100}, before));
	assert_missing(b, HELD_SLOT, 2 * HELD_SLOT);
	before = held_losses(b);
	assert_true(held_spoilt(b, (struct byte_range){0, 100}, before));
	assert_missing(b, 0, 100);
	put(b, HELD_SLOT, 2 * HELD_SLOT);
	assert_held(b, 100, SIZE);
	held_close(b);
	store_close(other);
	held_close(a);
	a = open_whole();
	assert_held(a, 100, SIZE);
	assert_missing(a, 0, 100);
	held_close(a);
}

static void what_another_writes_stays(void **state)
{
	struct store *other;
	struct held *a = open_whole(), *b = open_elsewhere(&other);

	(void)state;
	put(a, 0, 3 * HELD_SLOT);
	assert_int_equal(held_sync(a, NULL), 0);
	put(b, HELD_SLOT, HELD_SLOT + 1);
	take_away(a, 0, HELD_SLOT);
	take_away(a, HELD_SLOT, 2 * HELD_SLOT); /* b has not synced it yet */
	assert_missing(a, 0, HELD_SLOT);
	assert_held(a, HELD_SLOT, 3 * HELD_SLOT);
	assert_int_equal(held_sync(b, NULL), 0);
	take_away(a, HELD_SLOT, 2 * HELD_SLOT);
	assert_missing(a, 0, 2 * HELD_SLOT);
	assert_missing(b, 0, 2 * HELD_SLOT);
	put(a, 0, 100); /* not synced: that is done first */
	take_away(a, 0, 50);
	assert_held(a, 50, 100);
	held_close(b);
	store_close(other);
	held_close(a);
}

struct slot_uses {
	size_t count;
	uint64_t slots[16], bytes[16];
	int64_t used_ms[16];
};

static void note_slot(void *arg, uint64_t slot, uint64_t bytes, int64_t used_ms)
{
	struct slot_uses *u = arg;

	assert_true(u->count < 16);
	u->slots[u->count] = slot;
	u->bytes[u->count] = bytes;
	u->used_ms[u->count++] = used_ms;
}

static struct slot_uses uses_of(struct held *h)
{
	struct slot_uses u = {0};

	held_each_slot(h, note_slot, &u);
	return u;
}

/* Of what is here: in the process to the millisecond, for others as the file's time has it. */
static void each_slot_knows_its_use(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_nsec = UTIME_OMIT}};
	struct held *h = open_whole();
	struct slot_uses u;

	(void)state;
	put(h, 10, 20);
	put(h, 30, 40);
	put(h, 2 * HELD_SLOT - 5, 4 * HELD_SLOT + 5);
	held_close(h);
	assert_int_equal(utimensat(dir.fd, held_name, old, 0), 0);
	h = open_whole();
	u = uses_of(h);
	assert_int_equal(u.count, 5);
	for (size_t i = 0; i < u.count; i++) {
		assert_int_equal(u.slots[i], i);
		assert_int_equal(u.used_ms[i], 1000 * 1000);
	}
	assert_int_equal(u.bytes[0], 20);
	assert_int_equal(u.bytes[1], 5);
	assert_int_equal(u.bytes[2], HELD_SLOT);
	assert_int_equal(u.bytes[4], 5);
	held_used(h, (struct byte_range){HELD_SLOT - 1, HELD_SLOT + 1});
	u = uses_of(h);
	assert_true(u.used_ms[0] > 1000 * 1000 && u.used_ms[1] > 1000 * 1000);
	assert_int_equal(u.used_ms[2], 1000 * 1000);
	held_close(h);
	h = open_whole();
	assert_true(uses_of(h).used_ms[2] > 1000 * 1000);
	held_close(h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_held, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_written_is_held_by_the_next),
	    TEST(threads_see_it_at_once),
	    TEST(others_see_what_was_synced),
	    TEST(what_is_dropped_is_missing_for_all),
	    TEST(a_map_that_was_cut_keeps_what_is_whole),
	    TEST(a_map_without_its_file_holds_nothing),
	    TEST(another_size_is_another_blob),
	    TEST(a_map_does_not_grow_without_end),
	    TEST(a_whole_blob_is_published),
	    TEST(wrong_bytes_are_not_published),
	    TEST(prune_takes_it_and_a_lease_keeps_it),
	    TEST(what_is_taken_away_went_for_all),
	    TEST(what_another_writes_stays),
	    TEST(each_slot_knows_its_use),
	};

	return cmocka_run_group_tests(tests, setup_data, teardown_data);
}

/* SPDX-License-Identifier: MIT */
#include "store/base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void put_get_replace_remove(void **state)
{
	struct map *m = map_new();
	char one, two;

	(void)state;
	assert_null(map_get(m, "a", 1));
	assert_int_equal(map_put(m, "a", 1, &one), 0);
	assert_int_equal(map_put(m, "a\0b", 3, &two), 0);
	assert_ptr_equal(map_get(m, "a", 1), &one);
	assert_ptr_equal(map_get(m, "a\0b", 3), &two);
	assert_int_equal(map_put(m, "a", 1, &two), 0);
	assert_ptr_equal(map_get(m, "a", 1), &two);
	assert_int_equal(map_count(m), 2);
	assert_ptr_equal(map_remove(m, "a", 1), &two);
	assert_null(map_remove(m, "a", 1));
	assert_null(map_get(m, "a", 1));
	assert_int_equal(map_count(m), 1);
	map_free(m);
	map_free(NULL);
}

static void the_empty_key_is_a_key(void **state)
{
	struct map *m = map_new();
	char v;

	(void)state;
	assert_int_equal(map_put(m, "", 0, &v), 0);
	assert_ptr_equal(map_get(m, "", 0), &v);
	assert_ptr_equal(map_remove(m, "", 0), &v);
	map_free(m);
}

static void keys_are_copied(void **state)
{
	struct map *m = map_new();
	char key[] = "key", v;

	(void)state;
	assert_int_equal(map_put(m, key, 3, &v), 0);
	key[0] = 'x';
	assert_ptr_equal(map_get(m, "key", 3), &v);
	map_free(m);
}

/* Against a plain array, with keys of a small range, so that chains form and holes close. */
static void random_operations_agree_with_an_array(void **state)
{
	enum { KEYS = 500 };
	static char *model[KEYS];
	struct map *m = map_new();
	unsigned seed = 1;
	size_t count = 0;
	char value[4];

	(void)state;
	for (int step = 0; step < 50000; step++) {
		unsigned key = (unsigned)rand_r(&seed) % KEYS;
		char *v = &value[rand_r(&seed) % 4];

		if (rand_r(&seed) % 2) {
			count += !model[key];
			model[key] = v;
			assert_int_equal(map_put(m, &key, sizeof(key), v), 0);
		} else {
			count -= model[key] != NULL;
			assert_ptr_equal(map_remove(m, &key, sizeof(key)), model[key]);
			model[key] = NULL;
		}
		key = (unsigned)rand_r(&seed) % KEYS;
		assert_ptr_equal(map_get(m, &key, sizeof(key)), model[key]);
		assert_int_equal(map_count(m), count);
	}
	map_free(m);
}

static void count_down(void *value)
{
	--*(int *)value;
}

static void a_map_frees_every_value_that_it_has(void **state)
{
	struct map *m = map_new();
	int left = 0;

	(void)state;
	for (int i = 0; i < 1000; i++, left++)
		assert_int_equal(map_put(m, &i, sizeof(i), &left), 0);
	for (int i = 0; i < 1000; i += 3, left--)
		assert_ptr_equal(map_remove(m, &i, sizeof(i)), &left);
	map_free_all(m, count_down);
	assert_int_equal(left, 0);
	map_free_all(NULL, count_down);
}

static void a_walk_meets_every_key_once(void **state)
{
	struct map *m = map_new();
	static bool seen[1000];
	const void *key;
	size_t iter = 0, len, count = 0;
	void *value;
	unsigned n;

	(void)state;
	for (n = 0; n < 1000; n++)
		assert_int_equal(map_put(m, &n, sizeof(n), &seen[n]), 0);
	while (map_next(m, &iter, &key, &len, &value)) {
		memcpy(&n, key, sizeof(n));
		assert_int_equal(len, sizeof(n));
		assert_ptr_equal(value, &seen[n]);
		assert_false(seen[n]);
		seen[n] = true;
		count++;
	}
	assert_int_equal(count, 1000);
	map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put_get_replace_remove),
	    cmocka_unit_test(the_empty_key_is_a_key),
	    cmocka_unit_test(keys_are_copied),
	    cmocka_unit_test(random_operations_agree_with_an_array),
	    cmocka_unit_test(a_walk_meets_every_key_once),
	    cmocka_unit_test(a_map_frees_every_value_that_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

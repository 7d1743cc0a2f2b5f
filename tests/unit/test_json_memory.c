/* SPDX-License-Identifier: MIT */
/* json-c gives the part that it has where its memory ends: that is no document. */
#include "store/base/json.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define ALLOCATIONS 80 /* more than the document takes */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0 /* it is the sanitizer's */
#else
#define OWN_MALLOC 1

extern void *__libc_malloc(size_t size);

static int left; /* until one fails; 0: none does */

void *malloc(size_t size)
{
	if (left > 0 && --left == 0)
		return NULL;
	return __libc_malloc(size);
}

/* Without a key: json-c 0.16 does not look whether it got a copy of one. */
static const char text[] =
    "[1,[2,\"two\",[3.5,true]],[[],\"a string that is longer than some\"],null]";
#endif

static void a_part_of_a_document_is_no_document(void **state)
{
	(void)state;
#if OWN_MALLOC
	int whole = 0;

	for (int k = 1; k <= ALLOCATIONS; k++) {
		autojson *o = NULL;
		int r;

		left = k;
		r = json_parse(text, strlen(text), &o, NULL);
		whole += left > 0;
		left = 0;
		if (r == 0)
			assert_string_equal(json_object_to_json_string_ext(o, JSON_TEXT_FLAGS),
					    text);
	}
	assert_true(whole >= 1 && whole <= ALLOCATIONS - 1);
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_part_of_a_document_is_no_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

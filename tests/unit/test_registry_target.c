/* SPDX-License-Identifier: MIT */
/* Where redirects lead for a blob is kept for its next ranges, as long as that gives them. */
#include "registry_scene.h"

#define DIGEST	"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SIZE	1000
#define GO(sig) "HTTP/1.1 307 Go\r\nLocation: http://localhost:%B/blob?sig=" sig "\r\n" NOTHING
#define FIRST                                                                                      \
	{                                                                                          \
		.head = PART "Content-Length: 10\r\nContent-Range: bytes 0-9/1000\r\n", .to = 10   \
	}
#define SECOND                                                                                     \
	{                                                                                          \
		.head = PART "Content-Length: 10\r\nContent-Range: bytes 10-19/1000\r\n",          \
		.from = 10, .to = 20                                                               \
	}

/* Ten bytes of the blob, from `first` on. */
static int ask_part(struct scene *s, struct ref *ref, uint64_t first)
{
	const struct blob_request q = {.repository = ref,
				       .digest = &s->ref.digest,
				       .size = SIZE,
				       .range = {first, first + 10}};
	AUTO(registry_stream_close) struct registry_stream *stream = NULL;
	struct byte_range comes;
	unsigned char data[SIZE];
	ssize_t n;
	int r = registry_blob(s->r, &q, NULL, &comes, &stream, &s->err);
	uint64_t at = first;

	while (!r && (n = registry_stream_read(stream, data, sizeof(data), &s->err)) != 0) {
		r = n < 0 ? (int)n : 0;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], script_byte(at++));
	}
	return r ? r : at == first + 10 ? 0 : -EIO;
}

static void open_blob(struct scene *s, const struct script_step *a, size_t na,
		      const struct script_step *b, size_t nb)
{
	scene_open(s, a, na, b, nb);
	ref_clear(&s->ref);
	s->ref = make_ref(&s->a, "@" DIGEST);
}

static void the_registry_is_asked_once(void **state)
{
	struct scene s;

	(void)state;
	open_blob(&s, STEPS({.head = ASK_BASIC}, {.head = GO("1")}), STEPS(FIRST, SECOND, FIRST));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask_part(&s, &s.ref, i == 1 ? 10 : 0), 0);
	assert_int_equal(script_served(&s.a), 2);
	assert_int_equal(script_saw(&s.b, "GET /blob?sig=1 HTTP/1.1"), 3);
	assert_int_equal(script_saw(&s.b, "Range: bytes=10-19\r\n"), 1);
	assert_int_equal(script_saw(&s.b, "Authorization"), 0);
	scene_close(&s);
}

static void a_target_that_has_ended_is_asked_for_anew(void **state)
{
	static const char *const ends[] = {
	    "HTTP/1.1 400 Expired\r\n" NOTHING, "HTTP/1.1 401 Expired\r\n" NOTHING,
	    "HTTP/1.1 403 Expired\r\n" NOTHING, "HTTP/1.1 404 Gone\r\n" NOTHING,
	    "HTTP/1.1 410 Gone\r\n" NOTHING,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct scene s;
		struct registry_stats stats;

		open_blob(&s, STEPS({.head = GO("1")}, {.head = GO("2")}),
			  STEPS(FIRST, {.head = ends[i]}, SECOND, FIRST));
		assert_int_equal(ask_part(&s, &s.ref, 0), 0);
		assert_int_equal(ask_part(&s, &s.ref, 10), 0);
		assert_int_equal(ask_part(&s, &s.ref, 0), 0);
		assert_int_equal(script_served(&s.a), 2);
		assert_int_equal(script_saw(&s.b, "sig=1 "), 2);
		assert_int_equal(script_saw(&s.b, "sig=2 "), 2);
		registry_stats(s.r, &stats);
		assert_int_equal(stats.retries, 0);
		assert_int_equal(stats.errors, 0);
		scene_close(&s);
	}
}

static void a_new_target_that_refuses_is_the_end(void **state)
{
	struct scene s;

	(void)state;
	open_blob(&s, STEPS({.head = GO("1")}, {.head = GO("2")}),
		  STEPS(FIRST, {.head = "HTTP/1.1 403 No\r\n" NOTHING},
			{.head = "HTTP/1.1 403 No\r\n" NOTHING}));
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	assert_int_equal(ask_part(&s, &s.ref, 10), -EACCES);
	assert_int_equal(script_served(&s.a), 2);
	assert_int_equal(script_served(&s.b), 3);
	scene_close(&s);
}

static void a_target_that_breaks_is_asked_for_anew(void **state)
{
	struct scene s;

	(void)state;
	open_blob(&s, STEPS({.head = GO("1")}, {.head = GO("2")}, {.head = GO("3")}),
		  STEPS(FIRST, {.head = "", .end = SCRIPT_RESET}, SECOND,
			{.head = "HTTP/1.1 503 Busy\r\n" NOTHING}, FIRST));
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	assert_int_equal(ask_part(&s, &s.ref, 10), 0);
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	assert_int_equal(script_served(&s.a), 3);
	scene_close(&s);
}

static void in_the_middle_of_a_range_as_well(void **state)
{
	struct scene s;

	(void)state;
	open_blob(&s, STEPS({.head = GO("1")}, {.head = GO("2")}),
		  STEPS({.head = PART "Content-Length: 10\r\nContent-Range: bytes 0-9/1000\r\n",
			 .to = 5,
			 .end = SCRIPT_CLOSE},
			{.head = "HTTP/1.1 403 Expired\r\n" NOTHING},
			{.head = PART "Content-Length: 5\r\nContent-Range: bytes 5-9/1000\r\n",
			 .from = 5,
			 .to = 10}));
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	assert_int_equal(script_served(&s.a), 2);
	assert_int_equal(script_saw(&s.b, "Range: bytes=5-9\r\n"), 2);
	scene_close(&s);
}

static void another_repository_asks_for_itself(void **state)
{
	struct ref other = REF_INIT;
	struct scene s;
	char text[256];

	(void)state;
	open_blob(&s, STEPS({.head = GO("1")}, {.head = "HTTP/1.1 404 No\r\n" NOTHING}),
		  STEPS(FIRST));
	snprintf(text, sizeof(text), "localhost:%u/team/other@" DIGEST, s.a.port);
	assert_int_equal(ref_parse(text, &other, NULL), 0);
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	assert_int_equal(ask_part(&s, &other, 0), -ENOENT);
	assert_int_equal(script_served(&s.b), 1);
	ref_clear(&other);
	scene_close(&s);
}

static void other_credentials_ask_for_themselves(void **state)
{
	struct scene s;

	(void)state;
	open_blob(&s, STEPS({.head = GO("1")}, {.head = "HTTP/1.1 404 No\r\n" NOTHING}),
		  STEPS(FIRST));
	assert_int_equal(ask_part(&s, &s.ref, 0), 0);
	write_auth(&s, "{\"auths\": {}}");
	assert_int_equal(ask_part(&s, &s.ref, 0), -ENOENT);
	assert_int_equal(script_served(&s.b), 1);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_registry_is_asked_once),
	    cmocka_unit_test(a_target_that_has_ended_is_asked_for_anew),
	    cmocka_unit_test(a_new_target_that_refuses_is_the_end),
	    cmocka_unit_test(a_target_that_breaks_is_asked_for_anew),
	    cmocka_unit_test(in_the_middle_of_a_range_as_well),
	    cmocka_unit_test(another_repository_asks_for_itself),
	    cmocka_unit_test(other_credentials_ask_for_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

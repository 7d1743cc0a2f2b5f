/* SPDX-License-Identifier: MIT */
/* Tag lists: pages, and where they may not lead. */
#include "registry_ask.h"

static int take_tag(void *arg, const char *tag, struct err *err)
{
	char *list = arg;

	(void)err;
	strcat(strcat(list, tag), " ");
	return 0;
}

static void call_tags(struct registry *r, const struct ref *ref, struct cancel *cancel,
		      struct outcome *o)
{
	o->code = registry_tags(r, ref, cancel, take_tag, o->body, &o->err);
}

static void tags_come_page_by_page(void **state)
{
	struct outcome o =
	    ask(call_tags, "", 0,
		STEPS({.head = OK "Link: </v2/team/app/tags/list?n=2&last=b>; rel=\"next\"\r\n",
		       .body = "{\"tags\": [\"a\", \"b\"]}",
		       .end = SCRIPT_CLOSE},
		      {.head = OK,
		       .body = "{\"tags\": [\"c\", \"../x\", \"\\u001b\", 5, null, \"\"]}",
		       .end = SCRIPT_CLOSE}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "a b c ");
	assert_non_null(strstr(o.log, "GET /v2/team/app/tags/list?n=2&last=b HTTP/1.1"));
}

static void a_repository_without_tags_has_none(void **state)
{
	struct outcome o = ask(call_tags, "", 0,
			       STEPS({.head = OK,
				      .body = "{\"name\":\"team/app\",\"tags\":null}",
				      .end = SCRIPT_CLOSE}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "");
}

static void pages_that_lead_elsewhere_or_nowhere_are_refused(void **state)
{
	static const char *const links[] = {
	    "</v2/other/app/tags/list?x>; rel=next",
	    "</v2/other-team/app/tags/list?x>; rel=next",
	    "<http://localhost:1/v2/other/tags/list?x>; rel=next",
	    "</v2/team/app/tags/list>; rel=next",
	    "<?n=1000>; rel=next", /* itself */
	    "<file:///etc/passwd>; rel=next",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		char head[256];
		struct script_step step = {
		    .head = head, .body = "{\"tags\":[\"a\"]}", .end = SCRIPT_CLOSE};
		struct outcome o;

		snprintf(head, sizeof(head), OK "Link: %s\r\n", links[i]);
		o = ask(call_tags, "", 0, &step, 1);
		print_message("  %s\n", o.err.text);
		assert_int_equal(o.code, -EPROTO);
		assert_int_equal(o.served, 1);
	}
}

/* Nothing is asked anywhere else: not at the address of cloud metadata, either. */
static void the_next_page_is_asked_for_where_the_first_was(void **state)
{
	static const char *const links[] = {
	    "<http://169.254.169.254/v2/team/app/tags/list?x>; rel=next",
	    "<http://localhost:1/v2/team/app/tags/list?x>; rel=next",
	    "<https://localhost/v2/team/app/tags/list?x>; rel=next",
	    "<http://localhost:8081/repository/docker/v2/team/app/tags/list?x>; rel=next",
	    "/v2/team/app/tags/list?x; rel=\"next\"",
	    "<?x>; rel=next",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		char head[256];
		const struct script_step steps[] = {
		    {.head = head, .body = "{\"tags\":[\"a\"]}", .end = SCRIPT_CLOSE},
		    {.head = OK, .body = "{\"tags\":[\"b\"]}", .end = SCRIPT_CLOSE}};
		struct outcome o;

		snprintf(head, sizeof(head), OK "Link: %s\r\n", links[i]);
		print_message("  %s\n", links[i]);
		o = ask(call_tags, "", 0, steps, 2);
		assert_int_equal(o.code, 0);
		assert_string_equal(o.body, "a b ");
		assert_non_null(strstr(o.log, "GET /v2/team/app/tags/list?x HTTP/1.1"));
	}
}

static void a_limit_that_is_refused_is_left_out(void **state)
{
	struct outcome o =
	    ask(call_tags, "", 0,
		STEPS({.head = "HTTP/1.1 400 No\r\n" NOTHING},
		      {.head = OK, .body = "{\"tags\":[\"a\"]}", .end = SCRIPT_CLOSE}));

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.body, "a ");
	assert_non_null(strstr(o.log, "GET /v2/team/app/tags/list HTTP/1.1"));
	o = ask(call_tags, "", 0,
		STEPS({.head = "HTTP/1.1 400 No\r\n" NOTHING},
		      {.head = "HTTP/1.1 400 No\r\n" NOTHING}));
	assert_int_equal(o.code, -EPROTO);
	assert_int_equal(o.served, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_come_page_by_page),
	    cmocka_unit_test(a_repository_without_tags_has_none),
	    cmocka_unit_test(pages_that_lead_elsewhere_or_nowhere_are_refused),
	    cmocka_unit_test(the_next_page_is_asked_for_where_the_first_was),
	    cmocka_unit_test(a_limit_that_is_refused_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

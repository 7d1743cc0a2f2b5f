/* SPDX-License-Identifier: MIT */
#include "fs/docker/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void columns_are_laid_out_as_docker_s(void **state)
{
	static const char *const rows[][3] = {
	    {"REPOSITORY", "TAG", "SIZE"},
	    {"localhost:5000/team/app", "v1", "72.9MB"},
	    {"b", "caf\xc3\xa9-caf\xc3\xa9", ""},
	};
	autotable t = TABLE_INIT(3);
	autobuf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		table_row(&t, rows[i]);
	assert_int_equal(table_print(&t, &out, NULL), 0);
	assert_string_equal(out.data, "REPOSITORY                TAG         SIZE\n"
				      "localhost:5000/team/app   v1          72.9MB\n"
				      "b                         caf\xc3\xa9-caf\xc3\xa9   \n");
}

static void the_header_alone_has_columns_of_ten(void **state)
{
	static const char *const header[] = {"A", "CREATED", "SIZE"};
	autotable t = TABLE_INIT(3);
	autobuf out = BUF_INIT;

	(void)state;
	table_row(&t, header);
	assert_int_equal(table_print(&t, &out, NULL), 0);
	assert_string_equal(out.data, "A         CREATED   SIZE\n");
}

static void a_cell_stays_on_its_line_and_steers_no_terminal(void **state)
{
	static const char *const row[] = {"a\nb\tc", "\x1b[2Jx\xc2\x9b\xe2\x80\xae\xff\xc0\x80"};
	autotable t = TABLE_INIT(2);
	autobuf out = BUF_INIT;

	(void)state;
	table_row(&t, row);
	assert_int_equal(table_print(&t, &out, NULL), 0);
	assert_string_equal(out.data, "a b c     ?[2Jx?\?\?\?\?\n");
}

static void long_text_is_cut_to_columns_of_the_terminal(void **state)
{
	static const struct {
		const char *text, *cut;
	} cases[] = {
	    {"", ""},
	    {"12345", "12345"},
	    {"123456", "1234\xe2\x80\xa6"},
	    {"\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97"},		    /* 4 columns */
	    {"\xe6\xbc\xa2\xe5\xad\x97zz", "\xe6\xbc\xa2\xe5\xad\x97\xe2\x80\xa6"}, /* 6: 4 + 1 */
	    {"a\xe6\xbc\xa2\xe5\xad\x97z", "a\xe6\xbc\xa2\xe2\x80\xa6"},	    /* 3 + 1 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuf out = BUF_INIT;

		table_ellipsis(&out, cases[i].text, 5);
		assert_string_equal(out.data ? out.data : "", cases[i].cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_laid_out_as_docker_s),
	    cmocka_unit_test(the_header_alone_has_columns_of_ten),
	    cmocka_unit_test(a_cell_stays_on_its_line_and_steers_no_terminal),
	    cmocka_unit_test(long_text_is_cut_to_columns_of_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

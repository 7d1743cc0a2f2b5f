/* SPDX-License-Identifier: MIT */
/* How far inside a network an address lies; and strangers' words in one line. */
#include "registry/wire/address.h"
#include "registry/wire/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void addresses_have_their_reach(void **state)
{
	static const struct {
		const char *text;
		enum address_reach reach;
	} cases[] = {
	    {"1.1.1.1", ADDRESS_PUBLIC},
	    {"9.255.255.255", ADDRESS_PUBLIC},
	    {"11.0.0.0", ADDRESS_PUBLIC},
	    {"172.15.255.255", ADDRESS_PUBLIC},
	    {"172.32.0.0", ADDRESS_PUBLIC},
	    {"192.167.255.255", ADDRESS_PUBLIC},
	    {"100.63.255.255", ADDRESS_PUBLIC},
	    {"223.255.255.255", ADDRESS_PUBLIC},
	    {"2001:4860:4860::8888", ADDRESS_PUBLIC},
	    {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
	    {"10.0.0.1", ADDRESS_PRIVATE},
	    {"172.16.0.1", ADDRESS_PRIVATE},
	    {"172.31.255.255", ADDRESS_PRIVATE},
	    {"192.168.1.1", ADDRESS_PRIVATE},
	    {"100.64.0.1", ADDRESS_PRIVATE},
	    {"fd00:ec2::254", ADDRESS_PRIVATE},
	    {"::ffff:10.0.0.1", ADDRESS_PRIVATE},
	    {"64:ff9b::a00:1", ADDRESS_PRIVATE},
	    {"2002:a00:1::", ADDRESS_PRIVATE},
	    {"127.0.0.1", ADDRESS_LOOPBACK},
	    {"127.255.255.255", ADDRESS_LOOPBACK},
	    {"::1", ADDRESS_LOOPBACK},
	    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
	    {"0.0.0.0", ADDRESS_ANY},
	    {"169.254.169.254", ADDRESS_ANY},
	    {"224.0.0.1", ADDRESS_ANY},
	    {"255.255.255.255", ADDRESS_ANY},
	    {"::", ADDRESS_ANY},
	    {"::7f00:1", ADDRESS_ANY},
	    {"fe80::1", ADDRESS_ANY},
	    {"ff02::1", ADDRESS_ANY},
	    {"::ffff:169.254.169.254", ADDRESS_ANY},
	    {"example.org", ADDRESS_PUBLIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("  %s\n", cases[i].text);
		assert_int_equal(address_reach_text(cases[i].text), cases[i].reach);
	}
}

static void strangers_words_fit_a_line(void **state)
{
	static const struct {
		const char *in, *want;
		size_t max;
	} cases[] = {
	    {"plain words", "plain words", 100},
	    {"  a\r\nb\tc \n", "a  b c", 100},
	    {"\033[31mred\x7f", "?[31mred?", 100},
	    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	     "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 100},
	    {"\xc3", "?", 100},
	    {"\xc0\xaf\xe0\x80\xaf", "?????", 100}, /* overlong */
	    {"\xed\xa0\x80", "???", 100},	    /* a surrogate */
	    {"\xf4\x90\x80\x80", "????", 100},	    /* behind the last */
	    {"\xc2\x9b", "?", 100},		    /* CSI in C1 */
	    {"a\xe2\x80\xae"
	     "b",
	     "a?b", 100}, /* right-to-left override */
	    {"0123456789", "01234…", 5},
	    {"ab\xc3\xa9"
	     "cd",
	     "ab…", 3},
	    {"", "", 5},
	    {"   ", "", 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		autobuf b = BUF_INIT;

		text_append_clean(&b, cases[i].in, strlen(cases[i].in), cases[i].max);
		assert_string_equal(b.data ? b.data : "", cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_have_their_reach),
	    cmocka_unit_test(strangers_words_fit_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

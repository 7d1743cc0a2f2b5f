/* SPDX-License-Identifier: MIT */
/*
 * What a user writes into a control file, its name or a filter: no crash, an end, and what was
 * taken keeps its promises. The first byte chooses the parser.
 *
 *     build/fuzz/fuzz_words CORPUS tests/fuzz/words
 */
#include "fs/ctl/ctl_name.h"
#include "fs/docker/args.h"
#include "fs/docker/filter.h"
#include "fs/docker/glob.h"
#include "fs/docker/images_filter.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* All words that are no option are an operand, or the value of an option. */
static void fuzz_args(const char *text)
{
	autowords words = WORDS_INIT;
	autowords filters = WORDS_INIT;
	autowords operands = WORDS_INIT;
	bool all = false, quiet = false;
	const char *format = NULL;
	const struct args_option options[] = {
	    {.name = "all", .letter = 'a', .flag = &all},
	    {.name = "quiet", .letter = 'q', .flag = &quiet},
	    {.name = "format", .letter = 'f', .value = &format},
	    {.name = "filter", .list = &filters},
	    {0},
	};

	if (words_split(text, &words, NULL) < 0)
		return;
	require(words.count <= strlen(text));
	if (args_parse(&words, options, &operands, NULL) < 0)
		return;
	require(operands.count + filters.count <= words.count);
}

static void fuzz_filter(const char *text)
{
	autofilter f = {0};
	bool yes;
	int64_t then;

	if (filter_parse(text, &f, NULL) < 0)
		return;
	require(f.key && f.value && strlen(f.key) + strlen(f.value) < strlen(text));
	filter_bool(&f, &yes, NULL);
	filter_time(&f, 1700000000, &then, NULL);
	filter_label(NULL, f.value);
}

/* Half of the text is the pattern, half what it is held against. */
static void fuzz_glob(char *text)
{
	char *rest = strchr(text, '\n');

	if (rest)
		*rest++ = '\0';
	if (glob_valid(text))
		glob_match(text, rest ? rest : "library/redis");
}

static void fuzz_pattern(const char *text)
{
	struct images_filter f = {0};

	images_filter_pattern(&f, text, NULL);
	images_filter_clear(&f);
}

/* Who is not the owner gets no verb that is not for others. */
static void fuzz_name(const char *text)
{
	struct ctl_name name;

	for (int owner = 0; owner < 2; owner++) {
		int r = ctl_name_parse(text, owner, &name, NULL);

		if (r < 0)
			continue;
		require(name.verb && (owner || !name.line || name.verb->others));
		require(!name.line || strlen(name.line) < strlen(text));
		free(name.line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	autofree char *text = len ? strndup((const char *)data + 1, len - 1) : NULL;

	if (!text)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_args(text);
		break;
	case 1:
		fuzz_filter(text);
		break;
	case 2:
		fuzz_glob(text);
		break;
	case 3:
		fuzz_pattern(text);
		break;
	default:
		fuzz_name(text);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * fs/docker/recipe.h on a config: what a stranger writes into a history or a config brings no control code, and ends no
 * instruction but its own. store/images/cosign_bundle.h on the same bytes.
 */
#include "fs/docker/recipe.h"
#include "store/images/cosign_bundle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static size_t length_of(const char *line)
{
	return strcspn(line, "\n");
}

/* Each line is a comment, an instruction that begins with capitals, goes on with such a one, or is of a script that
 * ends. */
static void read_recipe(const char *line)
{
	while (*line) {
		size_t len = length_of(line), word;
		const char *script = begins(line, "RUN <<") ? line + 6 : NULL;

		require(*line == '#' || (*line >= 'A' && *line <= 'Z'));
		while (*line != '#' && !script && len && line[len - 1] == '\\') {
			line += len + 1;
			require(*line == ' ' || *line == '\t');
			len = length_of(line);
		}
		line += len + 1;
		if (!script)
			continue;
		word = length_of(script);
		for (; require(*line != '\0'),
		       length_of(line) != word || strncmp(line, script, word);)
			line += length_of(line) + 1;
		line += word + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(config_free) struct config *c = NULL;
	AUTO(cosign_bundle_close) struct cosign_bundle *b = NULL;
	autobuf out = BUF_INIT;

	cosign_bundle_open((const char *)data, size, &b, NULL);
	if (config_parse((const char *)data, size, &c, NULL) ||
	    recipe_print(c, json_map(c->doc, "annotations"), &out, NULL))
		return 0;
	require(strlen(out.data) == out.len);
	for (const char *s = out.data; *s; s++)
		require(((unsigned char)*s >= 0x20 || *s == '\n' || *s == '\t') && *s != 0x7f);
	read_recipe(out.data);
	return 0;
}

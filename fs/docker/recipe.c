/* SPDX-License-Identifier: MIT */
#include "fs/docker/recipe.h"

#include "fs/docker/json_text.h"
#include "fs/docker/recipe_step.h"
#include "fs/docker/recipe_text.h"

#include <errno.h>
#include <string.h>

#define HEADER                                                                                     \
	"# Reconstructed from the image's history and config: not the Dockerfile that made it.\n"  \
	"# Where the base image ends is not known, so its steps are among these. What was "        \
	"copied\n"                                                                                 \
	"# is named as the history names it, some of it by a digest.\n"

static void put_base(struct recipe *r, const struct json_object *annotations)
{
	const char *base = json_string(annotations, "org.opencontainers.image.base.name");

	if (base && *base) {
		buf_puts(r->out, "# The manifest names as base: ");
		recipe_line(r->out, base, strlen(base));
		buf_putc(r->out, '\n');
	}
	buf_puts(r->out, "FROM scratch\n");
}

static void put_history(struct recipe *r, const struct config *c)
{
	size_t layer = 0;

	for (size_t i = 0; i < c->history_count; i++) {
		const struct history *h = &c->history[i];

		if (!h->empty_layer)
			buf_printf(r->out, "# layer %02zu\n", layer++);
		recipe_step(r, h->created_by ? h->created_by : "");
	}
	for (; layer < c->diff_id_count; layer++)
		buf_printf(r->out, "# layer %02zu: not in the history\n", layer);
}

/* ---- what no step says, and the config does ---- */

static void put_env(struct recipe *r, const struct json_object *env)
{
	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *pair = json_text(json_object_array_get_idx(env, i));
		size_t len = pair ? strcspn(pair, "=") : 0;

		if (!len || !pair[len])
			continue;
		buf_puts(r->out, "ENV ");
		recipe_pair(r->out, pair, len, pair + len + 1);
		buf_putc(r->out, '\n');
	}
}

static void put_labels(struct recipe *r, struct json_object *labels)
{
	if (!labels)
		return;
	json_object_object_foreach(labels, name, value)
	{
		const char *text = json_text(value);

		if (!text)
			continue;
		buf_puts(r->out, "LABEL ");
		/* A name with a blank or a quote would be another one. */
		if (name[strcspn(name, " \t\r\n\"'\\$=")] == '\0' && *name) {
			recipe_pair(r->out, name, strlen(name), text);
		} else {
			recipe_quoted(r->out, name);
			buf_putc(r->out, '=');
			recipe_quoted(r->out, text);
		}
		buf_putc(r->out, '\n');
	}
}

/* The names of a map, which are words of an instruction: EXPOSE and VOLUME. */
static void put_names(struct recipe *r, const char *instruction, struct json_object *map)
{
	autojson *words = json_object_new_array();

	if (!map || !words)
		return;
	json_object_object_foreach(map, name, value)
	{
		(void)value;
		json_object_array_add(words, json_object_new_string(name));
	}
	if (!json_object_array_length(words))
		return;
	buf_printf(r->out, "%s ", instruction);
	if (!strcmp(instruction, "VOLUME"))
		recipe_exec(r->out, words);
	for (size_t i = 0; strcmp(instruction, "VOLUME") && i < json_object_array_length(words);
	     i++) {
		const char *word = json_text(json_object_array_get_idx(words, i));

		buf_puts(r->out, i ? " " : "");
		recipe_line(r->out, word ? word : "", word ? strlen(word) : 0);
	}
	buf_putc(r->out, '\n');
}

static void put_word(struct recipe *r, const char *instruction, const char *text)
{
	if (!text || !*text)
		return;
	buf_printf(r->out, "%s ", instruction);
	recipe_line(r->out, text, strlen(text));
	buf_putc(r->out, '\n');
}

static void put_exec(struct recipe *r, const char *instruction, const struct json_object *words)
{
	if (!words || !json_object_array_length(words))
		return;
	buf_printf(r->out, "%s ", instruction);
	recipe_exec(r->out, words);
	buf_putc(r->out, '\n');
}

static bool is_unseen(const struct recipe *r, enum recipe_instruction what)
{
	return !(r->seen & 1u << what);
}

static void put_settings(struct recipe *r)
{
	const struct json_object *s = r->settings;

	if (is_unseen(r, RECIPE_ENV))
		put_env(r, json_array(s, "Env"));
	if (is_unseen(r, RECIPE_LABEL))
		put_labels(r, json_map(s, "Labels"));
	if (is_unseen(r, RECIPE_WORKDIR))
		put_word(r, "WORKDIR", json_string(s, "WorkingDir"));
	if (is_unseen(r, RECIPE_USER))
		put_word(r, "USER", json_string(s, "User"));
	if (is_unseen(r, RECIPE_EXPOSE))
		put_names(r, "EXPOSE", json_map(s, "ExposedPorts"));
	if (is_unseen(r, RECIPE_VOLUME))
		put_names(r, "VOLUME", json_map(s, "Volumes"));
	if (is_unseen(r, RECIPE_STOPSIGNAL))
		put_word(r, "STOPSIGNAL", json_string(s, "StopSignal"));
	if (is_unseen(r, RECIPE_SHELL))
		put_exec(r, "SHELL", json_array(s, "Shell"));
	if (is_unseen(r, RECIPE_HEALTHCHECK))
		recipe_healthcheck(r);
	if (is_unseen(r, RECIPE_ENTRYPOINT))
		put_exec(r, "ENTRYPOINT", json_array(s, "Entrypoint"));
	if (is_unseen(r, RECIPE_CMD))
		put_exec(r, "CMD", json_array(s, "Cmd"));
}

int recipe_print(const struct config *c, const struct json_object *annotations, struct buf *out,
		 struct err *err)
{
	struct recipe r = {.settings = json_map(c->doc, "config"), .out = out};
	bool windows = !strcmp(c->platform.os, "windows");
	autobuf settings = BUF_INIT;

	buf_append(&r.shell, windows ? "cmd /S /C " : "/bin/sh -c ", windows ? 11 : 12);
	recipe_shell_words(&r.configured, json_array(r.settings, "Shell"));
	buf_puts(out, HEADER);
	put_base(&r, annotations);
	put_history(&r, c);
	r.out = &settings;
	put_settings(&r);
	if (settings.len)
		buf_puts(out, "# In the config, and in no step:\n");
	recipe_closed(out, &settings);
	out->failed |= buf_failed(&settings) || buf_failed(&r.shell);
	buf_free(&r.shell);
	buf_free(&r.configured);
	if (out->len > JSON_TEXT_MAX)
		return err_set(err, EFBIG, "a Dockerfile of more than %u bytes", JSON_TEXT_MAX);
	return buf_failed(out) ? err_nomem(err) : 0;
}

/* SPDX-License-Identifier: MIT */
#include "fs/docker/recipe_step.h"

#include "fs/docker/recipe_text.h"
#include "store/archive/dockerfile.h"
#include "store/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const instruction_names[RECIPE_INSTRUCTIONS] = {
    "ADD",	  "ARG",     "CMD", "COPY",  "ENTRYPOINT", "ENV",  "EXPOSE", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
};

#define SHELL_BYTES 4096 /* of the words of a shell; it is none that has more */
#define ENV_MAX	    1000 /* variables of a config that a line of the history is looked for in */

/* ---- RUN ---- */

void recipe_shell_words(struct buf *out, const struct json_object *words)
{
	buf_reset(out);
	for (size_t i = 0; words && i < json_object_array_length(words); i++) {
		const char *word = json_text(json_object_array_get_idx(words, i));

		buf_puts(out, word ? word : "");
		buf_putc(out, ' ');
	}
	buf_putc(out, '\0');
	if (out->len > SHELL_BYTES) {
		buf_reset(out);
		buf_putc(out, '\0');
	}
}

/* Its place in the text where the shell's words are at the front of that, or for `anywhere` the first
 * place where they follow a blank; NULL. */
static const char *find_shell(const char *text, const char *shell, bool anywhere)
{
	const char *at = text;

	if (!*shell)
		return NULL;
	while ((at = anywhere ? strstr(at, shell) : at)) {
		if (!strncmp(at, shell, strlen(shell)) && (at == text || at[-1] == ' '))
			return at;
		if (!anywhere)
			return NULL;
		at++;
	}
	return NULL;
}

/* What stands behind the shell, or NULL. That which the config names may have been set before all
 * history. */
static const char *behind_shell(struct recipe *r, const char *text, bool anywhere)
{
	const char *at = find_shell(text, r->shell.data ? r->shell.data : "", anywhere);

	if (at)
		return at + r->shell.len - 1;
	at = find_shell(text, r->configured.data ? r->configured.data : "", anywhere);
	if (!at)
		return NULL;
	buf_puts(r->out, "SHELL ");
	recipe_exec(r->out, json_array(r->settings, "Shell"));
	buf_putc(r->out, '\n');
	r->seen |= 1u << RECIPE_SHELL;
	buf_reset(&r->shell);
	buf_append(&r->shell, r->configured.data, r->configured.len);
	return at + r->shell.len - 1;
}

/* A word that no line of the text is. */
static void put_delimiter(const char *text, char word[static 24])
{
	unsigned long next = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t digits;

		line += *line == '\n';
		if (strncmp(line, "EOF", 3) != 0)
			continue;
		digits = strspn(line + 3, "0123456789");
		if (digits < 9 && strchr("\r\n", line[3 + digits])) {
			unsigned long number = digits ? strtoul(line + 3, NULL, 10) : 0;

			next = number >= next ? number + 1 : next;
		}
	}
	if (next)
		snprintf(word, 24, "EOF%lu", next);
	else
		strcpy(word, "EOF");
}

/* What has lines, or what would begin or go on with the next one, is a script of its own. */
static void recipe_put_command(struct recipe *r, const char *text)
{
	size_t len = strlen(text);
	char word[24];

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (!memchr(text, '\n', len) && !strstr(text, "<<") && !(len && text[len - 1] == '\\')) {
		buf_puts(r->out, "RUN ");
		recipe_command(r->out, text, len);
		buf_putc(r->out, '\n');
		return;
	}
	put_delimiter(text, word);
	buf_printf(r->out, "RUN <<%s\n", word);
	recipe_lines(r->out, text, len);
	buf_printf(r->out, "%s\n", word);
}

/* "|2 A=b C=d e SHELL COMMAND": the values have blanks, too, so they end where the shell begins. */
static void put_run(struct recipe *r, const char *text)
{
	bool arguments = *text == '|';
	const char *command;

	if (arguments)
		text += 1 + strspn(text + 1, "0123456789");
	text += strspn(text, " ");
	command = behind_shell(r, text, arguments);
	/* Those in front of the shell, and the blank behind them; there may be none. */
	if (arguments && command && (size_t)(command - text) >= r->shell.len) {
		buf_puts(r->out, "# build arguments: ");
		recipe_line(r->out, text, (size_t)(command - text) - r->shell.len);
		buf_putc(r->out, '\n');
	}
	recipe_put_command(r, command ? command : text);
}

/* ---- the others ---- */

void recipe_pair(struct buf *out, const char *name, size_t len, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._+-/:,@%=";

	recipe_line(out, name, len);
	buf_putc(out, '=');
	if (*value && value[strspn(value, plain)] == '\0')
		buf_puts(out, value);
	else
		recipe_quoted(out, value);
}

static bool env_has(const struct json_object *settings, const char *pair)
{
	const struct json_object *env = json_array(settings, "Env");
	size_t count = env ? json_object_array_length(env) : 0;

	for (size_t i = 0; count <= ENV_MAX && i < count; i++) {
		const char *one = json_text(json_object_array_get_idx(env, i));

		if (one && !strcmp(one, pair))
			return true;
	}
	return false;
}

/* A history has no quotes. Where all that is behind the first = is one value, the config knows it. */
static bool put_known_pair(struct recipe *r, enum recipe_instruction what, const char *text)
{
	size_t len = strcspn(text, "= ");
	autofree char *name = strndup(text, len);
	const char *label;

	if (!name || !len || text[len] != '=' || !strchr(text, ' '))
		return false;
	label = json_string(json_map(r->settings, "Labels"), name);
	if (what == RECIPE_ENV ? !env_has(r->settings, text)
			       : !label || strcmp(label, text + len + 1))
		return false;
	recipe_pair(r->out, name, len, text + len + 1);
	return true;
}

/* "map[80/tcp:{} 443/tcp:{}]" */
static bool put_ports(struct recipe *r, const char *text)
{
	const char *blank = "";

	if (strncmp(text, "map[", 4) != 0)
		return false;
	for (text += 4; *text && *text != ']'; blank = " ") {
		size_t len = strcspn(text, " ]");

		buf_puts(r->out, blank);
		recipe_line(r->out, text,
			    len > 3 && !strncmp(text + len - 3, ":{}", 3) ? len - 3 : len);
		text += len;
		text += strspn(text, " ");
	}
	return true;
}

/* "file:HEX in /path ": what was copied is known by its digest. */
static bool put_copied(struct recipe *r, const char *text)
{
	const char *in = strstr(text, " in ");
	size_t len;

	if (!in ||
	    (strncmp(text, "file:", 5) && strncmp(text, "dir:", 4) && strncmp(text, "multi:", 6)))
		return false;
	recipe_line(r->out, text, (size_t)(in - text));
	len = strlen(in + 4);
	while (len && in[4 + len - 1] == ' ')
		len--;
	buf_putc(r->out, ' ');
	recipe_line(r->out, in + 4, len);
	return true;
}

static bool put_shell(struct recipe *r, const char *text)
{
	size_t before = r->out->len;
	autofree char *list = NULL;
	autojson *words = NULL;

	if (!recipe_go_list(r->out, text))
		return false;
	list = strndup(r->out->data + before, r->out->len - before);
	words = list ? dockerfile_exec_form(list) : NULL;
	if (words)
		recipe_shell_words(&r->shell, words);
	return true;
}

/* What is to be written otherwise than the history has it. False: as it is. */
static bool put_changed(struct recipe *r, enum recipe_instruction what, const char *text)
{
	switch (what) {
	case RECIPE_ADD:
	case RECIPE_COPY:
		return put_copied(r, text);
	case RECIPE_ENV:
	case RECIPE_LABEL:
		return put_known_pair(r, what, text);
	case RECIPE_EXPOSE:
		return put_ports(r, text);
	case RECIPE_CMD:
	case RECIPE_ENTRYPOINT:
	case RECIPE_VOLUME:
		return recipe_go_list(r->out, text);
	case RECIPE_SHELL:
		return put_shell(r, text);
	default:
		return false;
	}
}

static void put_comment(struct recipe *r, const char *front, const char *text)
{
	buf_printf(r->out, "# %s", front);
	recipe_line(r->out, text, strlen(text));
	buf_putc(r->out, '\n');
}

/* As one line: a here-document would swallow what stands behind it. */
static bool fits_a_line(enum recipe_instruction what, const char *text)
{
	if (strpbrk(text, "\r\n"))
		return false;
	return (what != RECIPE_ADD && what != RECIPE_COPY && what != RECIPE_ONBUILD) ||
	       !strstr(text, "<<");
}

static void put_line(struct recipe *r, enum recipe_instruction what, const char *text)
{
	if (what == RECIPE_HEALTHCHECK && text[0] == '&' && !r->checked && recipe_healthcheck(r))
		return;
	if (!fits_a_line(what, text) || (what == RECIPE_HEALTHCHECK && text[0] == '&'))
		buf_puts(r->out, "# no instruction: ");
	buf_printf(r->out, "%s ", instruction_names[what]);
	if (!put_changed(r, what, text))
		recipe_line(r->out, text, strlen(text));
	buf_putc(r->out, '\n');
}

static void put_instruction(struct recipe *r, enum recipe_instruction what, const char *text)
{
	struct buf *out = r->out;
	autobuf line = BUF_INIT;

	r->seen |= 1u << what;
	if (what == RECIPE_RUN) {
		put_run(r, text);
		return;
	}
	r->out = &line;
	put_line(r, what, text);
	r->out = out;
	recipe_closed(out, &line);
}

/* Its name at the front of a text, with a blank behind; *rest is what follows. */
static bool find_instruction(const char *text, enum recipe_instruction *what, const char **rest)
{
	for (int i = 0; i < RECIPE_INSTRUCTIONS; i++) {
		size_t len = strlen(instruction_names[i]);

		if (strncmp(text, instruction_names[i], len) != 0 || text[len] != ' ')
			continue;
		*what = (enum recipe_instruction)i;
		*rest = text + len + strspn(text + len, " ");
		return true;
	}
	return false;
}

#define NOP	 "#(nop)"
#define BUILDKIT " # buildkit"

void recipe_step(struct recipe *r, const char *created_by)
{
	size_t len = strlen(created_by), tail = sizeof(BUILDKIT) - 1;
	bool of_buildkit = len > tail && !strcmp(created_by + len - tail, BUILDKIT);
	autofree char *text = strndup(created_by, of_buildkit ? len - tail : len);
	const char *nop = text ? strstr(text, " " NOP " ") : NULL, *rest;
	enum recipe_instruction what;

	if (!text) {
		r->out->failed = true;
		return;
	}
	for (len = strlen(text); len && strchr(" \t\r\n", text[len - 1]); len--)
		text[len - 1] = '\0';
	nop = nop ? nop + sizeof(NOP) + 1 : text;
	nop += strspn(nop, " ");
	if (find_instruction(nop, &what, &rest))
		put_instruction(r, what, rest);
	else if (nop == text && (*text == '|' || behind_shell(r, text, false)))
		put_instruction(r, RECIPE_RUN, text);
	else if (*nop)
		put_comment(r, "not an instruction: ", nop);
	else
		put_comment(r, "the history does not say how", "");
}

/* ---- HEALTHCHECK ---- */

static void put_period(struct buf *out, const struct json_object *check, const char *member,
		       const char *option)
{
	uint64_t ns;

	if (json_u64(check, member, INT64_MAX, &ns, NULL) || !ns)
		return;
	if (ns % 1000000000 == 0)
		buf_printf(out, " --%s=%" PRIu64 "s", option, ns / 1000000000);
	else
		buf_printf(out, " --%s=%" PRIu64 "ns", option, ns);
}

bool recipe_healthcheck(struct recipe *r)
{
	const struct json_object *check = json_map(r->settings, "Healthcheck");
	struct json_object *test = json_array(check, "Test");
	const char *kind = test ? json_text(json_object_array_get_idx(test, 0)) : NULL;
	const char *shell = test ? json_text(json_object_array_get_idx(test, 1)) : NULL;
	uint64_t retries;

	if (!kind || (strcmp(kind, "NONE") && !shell))
		return false;
	r->checked = true;
	buf_puts(r->out, "HEALTHCHECK");
	if (!strcmp(kind, "NONE")) {
		buf_puts(r->out, " NONE\n");
		return true;
	}
	put_period(r->out, check, "Interval", "interval");
	put_period(r->out, check, "Timeout", "timeout");
	put_period(r->out, check, "StartPeriod", "start-period");
	put_period(r->out, check, "StartInterval", "start-interval");
	if (!json_u64(check, "Retries", INT32_MAX, &retries, NULL) && retries)
		buf_printf(r->out, " --retries=%" PRIu64, retries);
	buf_puts(r->out, " CMD ");
	if (!strcmp(kind, "CMD-SHELL")) {
		recipe_line(r->out, shell, strlen(shell));
	} else {
		autojson *words = json_object_new_array();

		for (size_t i = 1; words && i < json_object_array_length(test); i++)
			json_object_array_add(words,
					      json_object_get(json_object_array_get_idx(test, i)));
		if (words)
			recipe_exec(r->out, words);
	}
	buf_putc(r->out, '\n');
	return true;
}

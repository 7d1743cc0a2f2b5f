/* SPDX-License-Identifier: MIT */
#include "store/archive/image_change.h"

#include "store/archive/dockerfile.h"
#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CHANGE_MAX 65536

/* One instruction: what stands behind its word. */
struct change {
	struct json_object *config; /* borrowed */
	const char *word;
	const char *rest; /* without blanks around it */
};

/* o[key] = value; takes the value over, also where it fails. */
static int image_change_put(struct json_object *o, const char *key, struct json_object *value,
			    struct err *err)
{
	if (value && json_object_object_add(o, key, value) == 0)
		return 0;
	json_object_put(value);
	return err_nomem(err);
}

static int put_text(struct json_object *o, const char *key, const char *text, struct err *err)
{
	return image_change_put(o, key, json_object_new_string(text), err);
}

/* o[key], made as an object or an array where it is not there. NULL: out of memory. */
static struct json_object *at(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value = json_member(o, key);

	if (value)
		return value;
	value = type == json_type_array ? json_object_new_array() : json_object_new_object();
	return image_change_put(o, key, value, NULL) == 0 ? value : NULL;
}

static int image_change_add_text(struct json_object *array, const char *text, struct err *err)
{
	struct json_object *value = array ? json_object_new_string(text) : NULL;

	if (value && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return err_nomem(err);
}

/* ---- words ---- */

typedef int (*word_fn)(const struct change *c, const char *word, struct err *err);

static int bad(const struct change *c, struct err *err)
{
	return err_set(err, EINVAL, "%s: %.200s is malformed", c->word, c->rest);
}

static int each_word(const struct change *c, word_fn fn, struct err *err)
{
	const char *p = c->rest;
	int r = 0;

	while (!r && *p) {
		autobuf word = BUF_INIT;

		p = dockerfile_word(json_array(c->config, "Env"), p, false, &word);
		if (!p)
			return bad(c, err);
		if (buf_failed(&word))
			return err_nomem(err);
		r = fn(c, word.data ? word.data : "", err);
		while (isspace((unsigned char)*p))
			p++;
	}
	return r;
}

/* The whole rest as one word. */
static int whole_word(const struct change *c, struct buf *out, struct err *err)
{
	if (!dockerfile_word(json_array(c->config, "Env"), c->rest, true, out))
		return bad(c, err);
	return buf_failed(out) ? err_nomem(err) : 0;
}

/* ---- CMD, ENTRYPOINT ---- */

static int put_command(struct json_object *array, const char *text, const char *const *shell,
		       struct err *err)
{
	int r = 0;

	for (; !r && *shell; shell++)
		r = image_change_add_text(array, *shell, err);
	return r ? r : image_change_add_text(array, text, err);
}

static int image_change_command(const struct change *c, const char *key, struct err *err)
{
	static const char *const shell[] = {"/bin/sh", "-c", NULL};
	struct json_object *list = dockerfile_exec_form(c->rest);
	int r;

	if (list)
		return image_change_put(c->config, key, list, err);
	r = image_change_put(c->config, key, json_object_new_array(), err);
	return r ? r : put_command(json_array(c->config, key), c->rest, shell, err);
}

static int change_cmd(const struct change *c, struct err *err)
{
	return image_change_command(c, "Cmd", err);
}

static int change_entrypoint(const struct change *c, struct err *err)
{
	return image_change_command(c, "Entrypoint", err);
}

/* ---- pairs ---- */

typedef int (*pair_fn)(const struct change *c, const char *name, const char *value,
		       struct err *err);

static int split_pair(const struct change *c, const char *word, pair_fn fn, struct err *err)
{
	const char *equals = strchr(word, '=');
	autofree char *name = equals ? strndup(word, (size_t)(equals - word)) : NULL;

	if (!equals)
		return err_set(err, EINVAL,
			       "Syntax error - can't find = in \"%.200s\". Must be of the form: "
			       "name=value",
			       word);
	if (!name)
		return err_nomem(err);
	if (!*name)
		return err_set(err, EINVAL, "%s names can not be blank", c->word);
	return fn(c, name, equals + 1, err);
}

/* NAME=VALUE…, or the older NAME VALUE. */
static int pairs(const struct change *c, pair_fn fn, word_fn each, struct err *err)
{
	size_t first = strcspn(c->rest, " \t");
	autofree char *name = strndup(c->rest, first);
	struct change value = *c;
	autobuf text = BUF_INIT;
	int r;

	if (!name)
		return err_nomem(err);
	if (strchr(name, '=') || strchr("\"'", name[0]))
		return each_word(c, each, err);
	value.rest = c->rest + first + strspn(c->rest + first, " \t");
	if (!*value.rest)
		return err_set(err, EINVAL, "%s must have two arguments", c->word);
	r = whole_word(&value, &text, err);
	return r ? r : fn(c, name, text.data ? text.data : "", err);
}

static int set_env(const struct change *c, const char *name, const char *value, struct err *err)
{
	struct json_object *env = at(c->config, "Env", json_type_array);
	size_t len = strlen(name), i = 0, n = env ? json_object_array_length(env) : 0;
	autobuf text = BUF_INIT;
	struct json_object *line;

	buf_printf(&text, "%s=%s", name, value);
	if (!env || buf_failed(&text))
		return err_nomem(err);
	for (; i < n; i++) {
		const char *old = json_text(json_object_array_get_idx(env, i));

		if (old && strncmp(old, name, len) == 0 && old[len] == '=')
			break;
	}
	line = json_object_new_string(text.data);
	if (line && json_object_array_put_idx(env, i, line) == 0)
		return 0;
	json_object_put(line);
	return err_nomem(err);
}

static int env_word(const struct change *c, const char *word, struct err *err)
{
	return split_pair(c, word, set_env, err);
}

static int change_env(const struct change *c, struct err *err)
{
	return pairs(c, set_env, env_word, err);
}

static int set_label(const struct change *c, const char *name, const char *value, struct err *err)
{
	struct json_object *labels = at(c->config, "Labels", json_type_object);

	return labels ? put_text(labels, name, value, err) : err_nomem(err);
}

static int label_word(const struct change *c, const char *word, struct err *err)
{
	return split_pair(c, word, set_label, err);
}

static int change_label(const struct change *c, struct err *err)
{
	return pairs(c, set_label, label_word, err);
}

/* ---- EXPOSE, VOLUME ---- */

static int expose_one(const struct change *c, unsigned long port, const char *protocol,
		      struct err *err)
{
	struct json_object *ports = at(c->config, "ExposedPorts", json_type_object);
	autobuf text = BUF_INIT;

	buf_printf(&text, "%lu/%s", port, protocol);
	if (!ports || buf_failed(&text))
		return err_nomem(err);
	return image_change_put(ports, text.data, json_object_new_object(), err);
}

/* 80, 80/udp, 8000-8005/tcp */
static int expose_word(const struct change *c, const char *word, struct err *err)
{
	static const char *const known[] = {"tcp", "udp", "sctp"};
	const char *protocol = "tcp";
	unsigned long from, to;
	char *end;
	int r = 0;

	from = to = strtoul(word, &end, 10);
	if (isdigit((unsigned char)*word) && *end == '-' && isdigit((unsigned char)end[1]))
		to = strtoul(end + 1, &end, 10);
	if (*end == '/') {
		protocol = NULL;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcasecmp(end + 1, known[i]) == 0)
				protocol = known[i];
		end = protocol ? "" : end;
	}
	if (!isdigit((unsigned char)*word) || *end || from > to || to > 65535)
		return err_set(err, EINVAL, "invalid containerPort: %.200s", word);
	for (; !r && from <= to; from++)
		r = expose_one(c, from, protocol, err);
	return r;
}

static int change_expose(const struct change *c, struct err *err)
{
	return each_word(c, expose_word, err);
}

static int volume_word(const struct change *c, const char *word, struct err *err)
{
	struct json_object *volumes = at(c->config, "Volumes", json_type_object);

	if (!*word)
		return err_set(err, EINVAL, "VOLUME specified can not be an empty string");
	return volumes ? image_change_put(volumes, word, json_object_new_object(), err)
		       : err_nomem(err);
}

static int change_volume(const struct change *c, struct err *err)
{
	autojson *list = dockerfile_exec_form(c->rest);
	int r = 0;

	if (!list)
		return each_word(c, volume_word, err);
	for (size_t i = 0; !r && i < json_object_array_length(list); i++)
		r = volume_word(c, json_text(json_object_array_get_idx(list, i)), err);
	return r;
}

/* ---- the others ---- */

static int set_word(const struct change *c, const char *key, struct err *err)
{
	autobuf text = BUF_INIT;
	int r = whole_word(c, &text, err);

	return r ? r : put_text(c->config, key, text.data ? text.data : "", err);
}

static int change_user(const struct change *c, struct err *err)
{
	return set_word(c, "User", err);
}

static int change_stopsignal(const struct change *c, struct err *err)
{
	return set_word(c, "StopSignal", err);
}

static int change_workdir(const struct change *c, struct err *err)
{
	const char *old = json_string(c->config, "WorkingDir");
	autobuf text = BUF_INIT, path = BUF_INIT;
	int r = whole_word(c, &text, err);

	if (r)
		return r;
	if (text.data && text.data[0] != '/')
		buf_printf(&path, "%s/", old && strcmp(old, "/") != 0 ? old : "");
	buf_puts(&path, text.data ? text.data : "");
	while (path.len > 1 && path.data[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	return buf_failed(&path) ? err_nomem(err)
				 : put_text(c->config, "WorkingDir", path.data, err);
}

static int change_onbuild(const struct change *c, struct err *err)
{
	size_t len = strcspn(c->rest, " \t");

	if (len == 7 && strncasecmp(c->rest, "ONBUILD", len) == 0)
		return err_set(err, EINVAL, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if ((len == 4 && strncasecmp(c->rest, "FROM", len) == 0) ||
	    (len == 10 && strncasecmp(c->rest, "MAINTAINER", len) == 0))
		return err_set(err, EINVAL, "%.*s isn't allowed as an ONBUILD trigger", (int)len,
			       c->rest);
	return image_change_add_text(at(c->config, "OnBuild", json_type_array), c->rest, err);
}

/* One --option=value in front of CMD. */
static int health_option(struct json_object *health, const char *text, size_t len, struct err *err)
{
	static const struct {
		const char *name, *key;
	} known[] = {{"--interval=", "Interval"},
		     {"--timeout=", "Timeout"},
		     {"--start-period=", "StartPeriod"},
		     {"--start-interval=", "StartInterval"}};
	static const char retries[] = "--retries=";
	size_t name = sizeof(retries) - 1;
	int64_t n;

	if (len > name && strncmp(text, retries, name) == 0) {
		n = strtol(text + name, NULL, 10);
		return n > 0 ? image_change_put(health, "Retries", json_object_new_int64(n), err)
			     : err_set(err, EINVAL, "--retries must be at least 1 (not %.*s)",
				       (int)(len - name), text + name);
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		name = strlen(known[i].name);
		if (len <= name || strncmp(text, known[i].name, name) != 0)
			continue;
		n = dockerfile_duration(text + name, len - name);
		return n >= 0
			   ? image_change_put(health, known[i].key, json_object_new_int64(n), err)
			   : err_set(err, EINVAL, "time: invalid duration \"%.*s\"",
				     (int)(len - name), text + name);
	}
	return err_set(err, EINVAL, "Unknown flag: %.*s", (int)len, text);
}

static int health_test(struct json_object *health, const char *text, struct err *err)
{
	static const char *const shell[] = {"CMD-SHELL", NULL};
	autojson *list = dockerfile_exec_form(text);
	struct json_object *test = at(health, "Test", json_type_array);
	int r;

	if (!list)
		return put_command(test, text, shell, err);
	r = image_change_add_text(test, "CMD", err);
	for (size_t i = 0; !r && i < json_object_array_length(list); i++)
		r = image_change_add_text(test, json_text(json_object_array_get_idx(list, i)), err);
	return r;
}

static int change_healthcheck(const struct change *c, struct err *err)
{
	autojson *health = json_object_new_object();
	const char *p = c->rest;
	int r = health ? 0 : err_nomem(err);

	while (!r && strncmp(p, "--", 2) == 0) {
		size_t len = strcspn(p, " \t");

		r = health_option(health, p, len, err);
		p += len + strspn(p + len, " \t");
	}
	if (!r && strcasecmp(p, "NONE") == 0)
		r = image_change_add_text(at(health, "Test", json_type_array), "NONE", err);
	else if (!r && strncasecmp(p, "CMD", 3) == 0 && strchr(" \t", p[3]) && p[3])
		r = health_test(health, p + 3 + strspn(p + 3, " \t"), err);
	else if (!r)
		r = err_set(err, EINVAL, "Unknown type \"%.200s\" in HEALTHCHECK (try CMD)", p);
	return r ? r : image_change_put(c->config, "Healthcheck", steal(&health), err);
}

/* ---- the table ---- */

int image_change_apply(struct json_object *config, const char *change, struct err *err)
{
	static const struct {
		const char *word;
		int (*apply)(const struct change *c, struct err *err);
	} known[] = {
	    {"CMD", change_cmd},	 {"ENTRYPOINT", change_entrypoint},
	    {"ENV", change_env},	 {"EXPOSE", change_expose},
	    {"LABEL", change_label},	 {"HEALTHCHECK", change_healthcheck},
	    {"ONBUILD", change_onbuild}, {"STOPSIGNAL", change_stopsignal},
	    {"USER", change_user},	 {"VOLUME", change_volume},
	    {"WORKDIR", change_workdir},
	};
	const char *start = change + strspn(change, " \t\n");
	size_t word = strcspn(start, " \t\n"), end;
	autofree char *name = strndup(start, word), *rest = strdup(start + word);
	struct change c = {.config = config, .word = name, .rest = rest};

	if (!name || !rest)
		return err_nomem(err);
	if (strlen(change) > CHANGE_MAX)
		return err_set(err, EINVAL, "a change of more than %d bytes", CHANGE_MAX);
	c.rest += strspn(c.rest, " \t\n");
	for (end = strlen(rest); end > 0 && isspace((unsigned char)rest[end - 1]);)
		rest[--end] = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(name, known[i].word) != 0)
			continue;
		if (!*c.rest)
			return err_set(err, EINVAL, "%s requires at least one argument", name);
		return known[i].apply(&c, err);
	}
	return err_set(err, EINVAL, "%.200s is not a valid change command", name);
}

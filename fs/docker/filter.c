/* SPDX-License-Identifier: MIT */
#include "fs/docker/filter.h"

#include "fs/docker/args.h"
#include "store/base/json.h"
#include "store/base/mem.h"
#include "store/oci/oci.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void filter_clear(struct filter *f)
{
	free(f->key);
	free(f->value);
	*f = (struct filter){0};
}

/* A copy without the blanks around it. */
static char *trimmed(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return strndup(text, len);
}

int filter_parse(const char *text, struct filter *out, struct err *err)
{
	const char *equals = strchr(text, '=');

	*out = (struct filter){0};
	if (!equals) {
		err_set(err, EINVAL,
			"invalid argument \"%s\" for \"-f, --filter\" flag: bad format of filter "
			"(expected name=value)",
			text);
		return err_exit(err, ARGS_EXIT);
	}
	out->key = trimmed(text, (size_t)(equals - text));
	out->value = trimmed(equals + 1, strlen(equals + 1));
	if (!out->key || !out->value) {
		filter_clear(out);
		return err_nomem(err);
	}
	for (char *c = out->key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

int filter_unknown(const struct filter *f, struct err *err)
{
	return err_set(err, EINVAL, "invalid filter '%s'", f->key);
}

static int bad_value(const struct filter *f, struct err *err)
{
	return err_set(err, EINVAL, "invalid filter '%s=[%s]'", f->key, f->value);
}

int filter_bool(const struct filter *f, bool *out, struct err *err)
{
	const char *v = f->value;

	*out = !strcmp(v, "true") || !strcmp(v, "1");
	return *out || !strcmp(v, "false") || !strcmp(v, "0") ? 0 : bad_value(f, err);
}

/* Go's time.ParseDuration: numbers with units, "1h30m", "1.5h". */
static bool parse_duration(const char *text, double *seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};

	*seconds = 0;
	if (!*text)
		return false;
	while (*text) {
		char *end;
		double n = isdigit((unsigned char)*text) || *text == '.' ? strtod(text, &end) : -1;
		size_t len, i = 0;

		if (n < 0)
			return false;
		len = strspn(end, "nusmh");
		while (i < sizeof(units) / sizeof(units[0]) &&
		       (strlen(units[i].name) != len || strncmp(units[i].name, end, len)))
			i++;
		if (i == sizeof(units) / sizeof(units[0]))
			return false;
		*seconds += n * units[i].seconds;
		text = end + len;
	}
	return isfinite(*seconds) && *seconds < 1e12;
}

static bool parse_local(const char *text, int64_t *out)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
					      "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		*out = mktime(&tm);
		return true;
	}
	return false;
}

int filter_time(const struct filter *f, time_t now, int64_t *out, struct err *err)
{
	const char *v = f->value;
	size_t digits = strspn(v, "0123456789");
	double seconds;
	uint32_t ns;

	if (digits && digits < 18 && (v[digits] == '\0' || v[digits] == '.') &&
	    strspn(v + digits, ".0123456789") == strlen(v + digits))
		*out = strtoll(v, NULL, 10);
	else if (parse_duration(v, &seconds))
		*out = now - (int64_t)seconds;
	else if (oci_time_parse(v, out, &ns, NULL) < 0 && !parse_local(v, out))
		return err_set(err, EINVAL,
			       "invalid value for '%s' filter: failed to parse value as time or "
			       "duration: \"%s\"",
			       f->key, v);
	return 0;
}

bool filter_label(const struct json_object *config, const char *label)
{
	const struct json_object *labels = json_map(json_map(config, "config"), "Labels");
	const char *equals = strchr(label, '=');
	autofree char *key = strndup(label, equals ? (size_t)(equals - label) : strlen(label));
	const char *value = labels && key ? json_string(labels, key) : NULL;

	return value && (!equals || !strcmp(value, equals + 1));
}

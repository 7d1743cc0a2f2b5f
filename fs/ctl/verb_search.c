/* SPDX-License-Identifier: MIT */
/* ctl/search: docker search. */
#include "fs/docker/filter.h"
#include "fs/docker/rows.h"
#include "fs/docker/table.h"
#include "fs/ctl/verb.h"

#include "registry/api/search.h"
#include "store/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT	    25
#define DESCRIPTION_COLUMNS 45

static const struct rows_field fields[] = {{"Name", "NAME"},
					   {"Description", "DESCRIPTION"},
					   {"StarCount", "STARS"},
					   {"IsOfficial", "OFFICIAL"},
					   {0}};
#define TABLE "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"

struct search_wishes {
	bool no_trunc;
	unsigned limit;
	uint64_t stars; /* at least */
	bool has_official, official;
	bool nothing; /* is-automated=true: what is automated is no more */
	bool json;    /* docker has true and false there, else "[OK]" */
	struct json_object *rows;
};

static int verb_search_add_filter(struct search_wishes *w, const char *text, struct err *err)
{
	autofilter f = {0};
	bool automated;
	char *end;
	int r = filter_parse(text, &f, err);

	if (r)
		return r;
	if (!strcmp(f.key, "stars")) {
		w->stars = strtoull(f.value, &end, 10);
		return *f.value && !*end
			   ? 0
			   : err_set(err, EINVAL, "invalid filter 'stars=%s'", f.value);
	}
	if (!strcmp(f.key, "is-official")) {
		w->has_official = true;
		return filter_bool(&f, &w->official, err);
	}
	if (strcmp(f.key, "is-automated") != 0)
		return filter_unknown(&f, err);
	r = filter_bool(&f, &automated, err);
	w->nothing |= !r && automated;
	return r;
}

static void put_description(struct json_object *o, const char *text, bool whole)
{
	autofree char *line = strdup(text ? text : "");
	autobuf cut = BUF_INIT;

	for (char *c = line; c && *c; c++)
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	if (whole)
		buf_puts(&cut, line ? line : "");
	else
		table_ellipsis(&cut, line ? line : "", DESCRIPTION_COLUMNS);
	buf_putc(&cut, '\0');
	rows_set(o, "Description", cut.data ? cut.data : "");
}

/* Filters come after the limit, as with docker. */
static int on_result(void *arg, const struct search_result *result, struct err *err)
{
	struct search_wishes *w = arg;
	char stars[32];
	struct json_object *o;

	if (w->nothing || result->stars < w->stars ||
	    (w->has_official && result->official != w->official))
		return 0;
	o = json_object_new_object();
	if (!o || json_object_array_add(w->rows, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	put_description(o, result->description, w->no_trunc);
	rows_set(o, "IsOfficial",
		 w->json	    ? (result->official ? "true" : "false")
		 : result->official ? "[OK]"
				    : "");
	rows_set(o, "Name", result->name);
	snprintf(stars, sizeof(stars), "%llu", (unsigned long long)result->stars);
	rows_set(o, "StarCount", stars);
	return 0;
}

static int parse_limit(struct search_wishes *w, const char *text, struct err *err)
{
	char *end;
	long limit = strtol(text, &end, 10);

	if (!*text || *end) {
		err_set(err, EINVAL,
			"invalid argument \"%s\" for \"--limit\" flag: strconv.ParseInt: parsing "
			"\"%s\": invalid syntax",
			text, text);
		return err_exit(err, ARGS_EXIT);
	}
	if (!limit) /* the default, docker says */
		return 0;
	if (limit < 1 || limit > SEARCH_LIMIT_MAX)
		return err_set(err, EINVAL, "limit %ld is outside the range of [1, %d]", limit,
			       SEARCH_LIMIT_MAX);
	w->limit = (unsigned)limit;
	return 0;
}

int verb_search(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
		struct err *err)
{
	struct search_wishes w = {.limit = LIMIT_DEFAULT};
	const char *limit = NULL, *format = "";
	autowords filters = WORDS_INIT, operands = WORDS_INIT;
	const struct args_option options[] = {
	    {.name = "limit", .value = &limit},
	    {.name = "filter", .letter = 'f', .list = &filters},
	    {.name = "no-trunc", .flag = &w.no_trunc},
	    {.name = "format", .value = &format},
	    {0},
	};
	autojson *rows = json_object_new_array();
	int r = rows ? args_parse(args, options, &operands, err) : err_nomem(err);

	w.rows = rows;
	w.json = rows_is_json(format);
	if (!r)
		r = args_count("search", &operands, 1, 1, err);
	if (!r && limit)
		r = parse_limit(&w, limit, err);
	for (size_t i = 0; !r && i < filters.count; i++)
		r = verb_search_add_filter(&w, filters.at[i], err);
	if (!r)
		r = registry_search(fs->registry, operands.at[0], w.limit, job_cancel(j), on_result,
				    &w, err);
	return r ? r : rows_print(rows, fields, TABLE, format, answer, err);
}

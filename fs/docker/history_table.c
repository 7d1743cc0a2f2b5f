/* SPDX-License-Identifier: MIT */
#include "fs/docker/history_table.h"

#include "fs/docker/rows.h"
#include "fs/docker/table.h"
#include "fs/docker/units.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CREATED_BY_COLUMNS 45
#define YEAR_2000	   INT64_C(946684800) /* what is not younger has no date, docker says */

static const struct rows_field fields[] = {
    {"ID", "IMAGE"},
    {"CreatedSince", "CREATED"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"},
    {"Comment", "COMMENT"},
    {0},
};

#define TABLE "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
#define EXACT "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"

static void put_created_at(struct json_object *o, const char *created)
{
	char at[64] = "N/A";
	uint32_t ns;
	int64_t then = 0; /* of a line without a date, as the engine has it */
	time_t t;
	struct tm tm;

	if (!created || oci_time_parse(created, &then, &ns, NULL) == 0) {
		t = (time_t)then;
		if (localtime_r(&t, &tm) &&
		    strftime(at, sizeof(at), "%04Y-%m-%dT%H:%M:%S%z", &tm)) {
			/* RFC 3339 parts the hours of the zone from its minutes. */
			size_t n = strlen(at);

			memmove(at + n - 1, at + n - 2, 3);
			at[n - 2] = ':';
			if (!strcmp(at + n - 5, "+00:00"))
				strcpy(at + n - 5, "Z");
		}
	}
	rows_set(o, "CreatedAt", at);
}

/* Behind CreatedAt, which it is where times are to be exact. */
static void put_created_since(struct json_object *o, const char *created,
			      const struct history_options *h, int64_t now)
{
	char since[UNITS_TEXT_MAX] = "N/A";
	uint32_t ns;
	int64_t then;

	if (h->exact) {
		json_object_object_add(o, "CreatedSince",
				       json_object_get(json_object_object_get(o, "CreatedAt")));
		return;
	}
	if (created && oci_time_parse(created, &then, &ns, NULL) == 0 && then > YEAR_2000)
		units_ago(then, now, since);
	rows_set(o, "CreatedSince", since);
}

static void put_created_by(struct json_object *o, const char *created_by, bool whole)
{
	autobuf text = BUF_INIT;

	created_by = created_by ? created_by : "";
	if (whole)
		buf_puts(&text, created_by);
	else
		table_ellipsis(&text, created_by, CREATED_BY_COLUMNS);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\t')
			text.data[i] = ' ';
	buf_putc(&text, '\0');
	rows_set(o, "CreatedBy", text.data ? text.data : "");
}

static void put_size(struct json_object *o, uint64_t bytes, bool exact)
{
	char text[UNITS_TEXT_MAX];

	if (exact)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	else
		units_size(bytes, 3, text);
	rows_set(o, "Size", text);
}

static size_t count_layers(const struct config *c)
{
	size_t layers = 0;

	for (size_t i = 0; i < c->history_count; i++)
		layers += !c->history[i].empty_layer;
	return layers;
}

static int history_table_add_row(struct json_object *rows, const struct history *h, const char *id,
				 uint64_t bytes, const struct history_options *how, int64_t now,
				 struct err *err)
{
	struct json_object *o = json_object_new_object();

	if (!o || json_object_array_add(rows, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	/* The members in docker's order. */
	rows_set(o, "Comment", h->comment ? h->comment : "");
	put_created_at(o, h->created);
	put_created_by(o, h->created_by, how->no_trunc);
	put_created_since(o, h->created, how, now);
	rows_set(o, "ID", id);
	put_size(o, bytes, how->exact);
	return 0;
}

int history_table(struct store *s, const struct image *i, const struct history_options *how,
		  int64_t now, struct buf *out, struct err *err)
{
	const struct config *c = i->config;
	size_t above = count_layers(c); /* the layer of a line is the one below those above */
	char id[DIGEST_TEXT_MAX];
	autojson *rows = json_object_new_array();
	int r = rows ? 0 : err_nomem(err);

	digest_text(&i->manifest->config.digest, id);
	if (!how->no_trunc)
		snprintf(id, sizeof(id), "%.*s", DIGEST_ID_DIGITS,
			 strchr(digest_text(&i->manifest->config.digest, id), ':') + 1);
	for (size_t line = c->history_count; !r && line-- > 0;) {
		const struct history *h = &c->history[line];
		uint64_t bytes = 0;

		if (!h->empty_layer && --above < i->manifest->layer_count)
			bytes = image_layer_size(s, i, above, NULL);
		r = history_table_add_row(rows, h, line == c->history_count - 1 ? id : "<missing>",
					  bytes, how, now, err);
	}
	return r ? r
		 : rows_print(rows, fields, how->exact ? EXACT : TABLE,
			      how->quiet && rows_is_own_table(how->format) ? "{{.ID}}"
									   : how->format,
			      out, err);
}

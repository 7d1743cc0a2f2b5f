/* SPDX-License-Identifier: MIT */
#include "fs/history_table.h"

#include "fs/table.h"
#include "fs/units.h"

#include <string.h>

#define ID_DIGITS	   12
#define CREATED_BY_COLUMNS 45
#define YEAR_2000	   INT64_C(946684800) /* what is not younger has no date, docker says */

static void cell_created(struct table *t, const char *created, int64_t now)
{
	char text[UNITS_TEXT_MAX];
	uint32_t ns;
	int64_t then;

	if (created && oci_time_parse(created, &then, &ns, NULL) == 0 && then > YEAR_2000)
		table_cell(t, units_ago(then, now, text));
	else
		table_cell(t, "N/A");
}

static void cell_created_by(struct table *t, const char *created_by)
{
	autobuf text = BUF_INIT;

	table_ellipsis(&text, created_by ? created_by : "", CREATED_BY_COLUMNS);
	table_cell(t, text.data ? text.data : "");
}

static size_t count_layers(const struct config *c)
{
	size_t layers = 0;

	for (size_t i = 0; i < c->history_count; i++)
		layers += !c->history[i].empty_layer;
	return layers;
}

int history_table(struct store *s, const struct image *i, int64_t now, struct buf *out,
		  struct err *err)
{
	static const char *const header[] = {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"};
	const struct config *c = i->config;
	size_t above = count_layers(c); /* the layer of a line is the one below those above */
	char hex[DIGEST_HEX_MAX], size[UNITS_TEXT_MAX];
	autotable t = TABLE_INIT(5);

	digest_hex(&i->manifest->config.digest, hex);
	hex[ID_DIGITS] = '\0';
	table_row(&t, header);
	for (size_t line = c->history_count; line-- > 0;) {
		const struct history *h = &c->history[line];
		uint64_t bytes = 0;

		if (!h->empty_layer && --above < i->manifest->layer_count)
			bytes = image_layer_size(s, i, above);
		table_cell(&t, line == c->history_count - 1 ? hex : "<missing>");
		cell_created(&t, h->created, now);
		cell_created_by(&t, h->created_by);
		table_cell(&t, units_size(bytes, 3, size));
		table_cell(&t, h->comment ? h->comment : "");
	}
	table_print(&t, out);
	return buf_failed(out) ? err_nomem(err) : 0;
}

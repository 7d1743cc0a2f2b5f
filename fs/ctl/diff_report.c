/* SPDX-License-Identifier: MIT */
#include "fs/ctl/diff_report.h"

#include "fs/docker/rows.h"
#include "fs/docker/table.h"
#include "fs/docker/units.h"
#include "store/base/utf8.h"
#include "fs/tree/vn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREATED_BY_COLUMNS 45

/* What the changes of a layer's entries come to. */
struct layer_sums {
	uint64_t added, changed, removed;
	uint64_t bytes;
};

/* Of one image: its layers, and behind them what no layer has brought. */
struct side_sums {
	const struct diff_side *side;
	const struct tree *tree;
	struct layer_sums *layers; /* owned */
	size_t count;		   /* of layers */
	uint8_t *counted;	   /* owned: a bit for each node whose bytes are in the sums */
};

struct diff_report {
	struct diff_report_options how;
	struct buf *out;
	struct side_sums a, b;
	struct table line; /* of one cell: what cleans it */
	bool begun;
};

static const struct rows_field sum_fields[] = {
    {"Image", "IMAGE"},		 {"Layer", "LAYER"},	 {"Added", "ADDED"},
    {"Changed", "CHANGED"},	 {"Removed", "REMOVED"}, {"Size", "SIZE"},
    {"CreatedBy", "CREATED BY"}, {"Digest", "DIGEST"},	 {0},
};
#define SUMS                                                                                       \
	"{{.Image}}\t{{.Layer}}\t{{.Added}}\t{{.Changed}}\t{{.Removed}}\t{{.Size}}\t{{.CreatedBy}" \
	"}"

static int sums_open(struct side_sums *s, const struct diff_side *side, struct err *err)
{
	s->side = side;
	s->tree = diff_side_tree(side);
	s->count = diff_side_image(side)->manifest->layer_count;
	s->layers = calloc(s->count + 1, sizeof(*s->layers));
	s->counted = calloc(tree_count(s->tree) / 8 + 1, 1);
	return s->layers && s->counted ? 0 : err_nomem(err);
}

int diff_report_open(const struct diff_side *a, const struct diff_side *b,
		     const struct diff_report_options *how, struct buf *out,
		     struct diff_report **out_report, struct err *err)
{
	AUTO(diff_report_close) struct diff_report *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(err);
	p->how = *how;
	p->out = out;
	p->line = (struct table)TABLE_INIT(1);
	r = sums_open(&p->a, a, err);
	if (!r)
		r = sums_open(&p->b, b, err);
	if (!r)
		*out_report = steal(&p);
	return r;
}

void diff_report_close(struct diff_report *p)
{
	if (!p)
		return;
	free(p->a.layers);
	free(p->a.counted);
	free(p->b.layers);
	free(p->b.counted);
	table_clear(&p->line);
	free(p);
}

/* ---- a row ---- */

static const char *change_letter(const struct tree_change *c)
{
	return c->what & TREE_ADDED ? "A" : c->what & TREE_REMOVED ? "D" : "C";
}

static void put_what(const struct tree_change *c, char text[static 128])
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
	    {TREE_TYPE, "type"},     {TREE_CONTENT, "content"}, {TREE_LINK, "link"},
	    {TREE_DEVICE, "device"}, {TREE_MODE, "mode"},	{TREE_OWNER, "owner"},
	    {TREE_XATTRS, "xattrs"}, {TREE_TIMES, "times"},
	};
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (c->what & words[i].bit)
			at += (size_t)snprintf(text + at, 128 - at, "%s%s", at ? "," : "",
					       words[i].word);
}

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	}
	return S_ISFIFO(mode) ? "pipe" : "socket";
}

static const char *report_bytes(const struct diff_report *p, uint64_t bytes,
				char text[static UNITS_TEXT_MAX])
{
	if (!p->how.exact)
		return units_size(bytes, 3, text);
	snprintf(text, UNITS_TEXT_MAX, "%llu", (unsigned long long)bytes);
	return text;
}

/* Of a regular file; of all else nothing. */
static const char *put_file_size(const struct diff_report *p, uint32_t node, const struct stat *st,
				 char text[static UNITS_TEXT_MAX])
{
	if (node == TREE_NONE || !S_ISREG(st->st_mode))
		return strcpy(text, "-");
	return report_bytes(p, (uint64_t)st->st_size, text);
}

/* Where the entry comes from: of what is gone, in the first image. */
static const char *put_layer(const struct diff_report *p, const struct tree_change *c,
			     char text[static VN_LAYER_NAME_MAX])
{
	const struct side_sums *s = c->b == TREE_NONE ? &p->a : &p->b;
	ssize_t layer = diff_side_layer(s->side, c->b == TREE_NONE ? c->a : c->b);

	return layer < 0 ? strcpy(text, "-") : vn_layer_name((size_t)layer, s->count, text);
}

/* The texts of a row, but for the path. */
struct row_texts {
	const char *change, *type;
	char before[UNITS_TEXT_MAX], after[UNITS_TEXT_MAX];
	char layer[VN_LAYER_NAME_MAX];
	char what[128];
};

static void put_texts(const struct diff_report *p, const struct tree_change *c, struct row_texts *t)
{
	t->change = change_letter(c);
	t->type = type_word(c->b == TREE_NONE ? c->a_stat.st_mode : c->b_stat.st_mode);
	put_file_size(p, c->a, &c->a_stat, t->before);
	put_file_size(p, c->b, &c->b_stat, t->after);
	put_layer(p, c, t->layer);
	put_what(c, t->what);
}

/* Columns of one width, as no row waits for the ones behind it; the path comes last, and may hold
 * anything. */
#define ROW "%-9s %9s %9s  %-6s %-14s "

static void print_line(struct diff_report *p, const struct tree_change *c,
		       const struct row_texts *t)
{
	if (!p->begun)
		buf_printf(p->out, ROW "%s\n", "CHANGE", "BEFORE", "AFTER", "LAYER", "WHAT",
			   "PATH");
	buf_printf(p->out, ROW, t->change, t->before, t->after, t->layer, *t->what ? t->what : "-");
	buf_reset(&p->line.cells);
	table_cell(&p->line, c->path);
	buf_puts(p->out, p->line.cells.data ? p->line.cells.data : "");
	buf_putc(p->out, '\n');
	p->out->failed |= buf_failed(&p->line.cells);
}

static int print_formatted(struct diff_report *p, const struct tree_change *c,
			   const struct row_texts *t, struct err *err)
{
	autojson *o = json_object_new_object();
	autofree char *path = utf8_text(c->path);

	if (!o || !path)
		return err_nomem(err);
	rows_set(o, "Change", t->change);
	rows_set(o, "Layer", t->layer);
	rows_set(o, "Path", path);
	rows_set(o, "Size", t->after);
	rows_set(o, "SizeBefore", t->before);
	rows_set(o, "Type", t->type);
	rows_set(o, "What", t->what);
	return rows_print_one(o, p->how.format, p->out, err);
}

static int report_row(struct diff_report *p, const struct tree_change *c, struct err *err)
{
	struct row_texts t;
	int r = 0;

	put_texts(p, c, &t);
	if (rows_is_own_table(p->how.format))
		print_line(p, c, &t);
	else
		r = print_formatted(p, c, &t, err);
	p->begun = true;
	if (!r && p->out->len > DIFF_REPORT_MAX)
		r = err_set(err, EFBIG, "more than %u bytes of changes; --summary adds them up",
			    DIFF_REPORT_MAX);
	return r ? r : buf_failed(p->out) ? err_nomem(err) : 0;
}

/* ---- the sums ---- */

/* The bytes of a regular file, once for all of its names. */
static uint64_t new_bytes(struct side_sums *s, uint32_t node, const struct stat *st)
{
	uint8_t bit = (uint8_t)(1u << node % 8);

	if (!S_ISREG(st->st_mode) || node >= tree_count(s->tree) || (s->counted[node / 8] & bit))
		return 0;
	s->counted[node / 8] |= bit;
	return (uint64_t)st->st_size;
}

static struct layer_sums *sums_of(struct side_sums *s, uint32_t node)
{
	ssize_t layer = diff_side_layer(s->side, node);

	return &s->layers[layer < 0 || (size_t)layer > s->count ? s->count : (size_t)layer];
}

static void add_sums(struct diff_report *p, const struct tree_change *c)
{
	struct side_sums *s = c->what & TREE_REMOVED ? &p->a : &p->b;
	uint32_t node = c->what & TREE_REMOVED ? c->a : c->b;
	struct layer_sums *l = sums_of(s, node);

	l->added += !!(c->what & TREE_ADDED);
	l->removed += !!(c->what & TREE_REMOVED);
	l->changed += !(c->what & (TREE_ADDED | TREE_REMOVED));
	if (c->what & TREE_REMOVED)
		l->bytes += new_bytes(s, node, &c->a_stat);
	else if (c->what & (TREE_ADDED | TREE_TYPE | TREE_CONTENT))
		l->bytes += new_bytes(s, node, &c->b_stat);
}

int diff_report_add(struct diff_report *p, const struct tree_change *c, struct err *err)
{
	if (!p->how.summary)
		return report_row(p, c, err);
	add_sums(p, c);
	return 0;
}

static void set_count(struct json_object *o, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	rows_set(o, name, text);
}

static void set_layer(struct json_object *o, const struct side_sums *s, size_t layer)
{
	const struct image *i = diff_side_image(s->side);
	const struct history *h;
	char name[VN_LAYER_NAME_MAX] = "-", digest[DIGEST_TEXT_MAX] = "";
	autobuf by = BUF_INIT;

	if (layer < s->count) {
		h = config_layer_history(i->config, layer);
		vn_layer_name(layer, s->count, name);
		digest_text(&i->manifest->layers[layer].digest, digest);
		table_ellipsis(&by, h && h->created_by ? h->created_by : "", CREATED_BY_COLUMNS);
	}
	rows_set(o, "Layer", name);
	rows_set(o, "Digest", digest);
	buf_putc(&by, '\0');
	for (size_t k = 0; k < by.len; k++)
		if (by.data[k] == '\t')
			by.data[k] = ' ';
	rows_set(o, "CreatedBy", by.data ? by.data : "");
}

static int add_sum(struct json_object *rows, const struct diff_report *p, const struct side_sums *s,
		   size_t layer, struct err *err)
{
	const struct layer_sums *l = &s->layers[layer];
	char size[UNITS_TEXT_MAX];
	struct json_object *o;

	if (!l->added && !l->changed && !l->removed)
		return 0;
	o = json_object_new_object();
	if (!o || json_object_array_add(rows, o)) {
		json_object_put(o);
		return err_nomem(err);
	}
	set_count(o, "Added", l->added);
	set_count(o, "Changed", l->changed);
	rows_set(o, "Image", s == &p->a ? "A" : "B");
	set_count(o, "Removed", l->removed);
	rows_set(o, "Size", report_bytes(p, l->bytes, size));
	set_layer(o, s, layer);
	return 0;
}

int diff_report_end(struct diff_report *p, struct err *err)
{
	autojson *rows = json_object_new_array();
	int r = rows ? 0 : err_nomem(err);

	if (!p->how.summary)
		return 0;
	for (size_t i = 0; !r && i <= p->a.count; i++)
		r = add_sum(rows, p, &p->a, i, err);
	for (size_t i = 0; !r && i <= p->b.count; i++)
		r = add_sum(rows, p, &p->b, i, err);
	if (!r && json_object_array_length(rows) == 0 && rows_is_own_table(p->how.format))
		return 0;
	return r ? r
		 : rows_print(rows, sum_fields, SUMS, p->how.format ? p->how.format : "", p->out,
			      err);
}

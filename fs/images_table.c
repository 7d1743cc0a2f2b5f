/* SPDX-License-Identifier: MIT */
#include "fs/images_table.h"

#include "fs/glob.h"
#include "fs/json_text.h"
#include "fs/table.h"
#include "fs/units.h"
#include "store/ref.h"
#include "store/image.h"
#include "store/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NONE	  "<none>"
#define ID_DIGITS 12

/* ---- what is asked for ---- */

struct wishes {
	bool all, quiet, digests, no_trunc, json;
	struct words references; /* patterns; none: all */
};

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	for (size_t len = strlen(s); len && isspace((unsigned char)s[len - 1]); len--)
		s[len - 1] = '\0';
	return s;
}

static int add_pattern(struct wishes *w, const char *pattern, struct err *err)
{
	if (!glob_valid(pattern))
		return err_set(err, EINVAL, "syntax error in pattern");
	return words_add(&w->references, pattern, strlen(pattern), err);
}

static int add_filter(struct wishes *w, char *filter, struct err *err)
{
	char *value = strchr(filter, '=');

	if (!value)
		return err_set(err, EINVAL,
			       "invalid argument \"%s\" for \"-f, --filter\" flag: bad format of "
			       "filter (expected name=value)",
			       filter);
	*value++ = '\0';
	filter = trim(filter);
	if (strcasecmp(filter, "reference") != 0)
		return err_set(err, EINVAL, "invalid filter '%s'", filter);
	return add_pattern(w, trim(value), err);
}

static int parse_wishes(const struct words *arguments, struct wishes *w, struct err *err)
{
	const char *format = "table";
	autowords filters = WORDS_INIT, operands = WORDS_INIT;
	const struct args_option options[] = {
	    {.name = "all", .letter = 'a', .flag = &w->all},
	    {.name = "quiet", .letter = 'q', .flag = &w->quiet},
	    {.name = "digests", .flag = &w->digests},
	    {.name = "no-trunc", .flag = &w->no_trunc},
	    {.name = "filter", .letter = 'f', .list = &filters},
	    {.name = "format", .value = &format},
	    {0},
	};
	int r = args_parse(arguments, options, &operands, err);

	if (r == 0)
		r = args_count("images", &operands, 0, 1, err);
	for (size_t i = 0; r == 0 && i < filters.count; i++)
		r = add_filter(w, filters.at[i], err);
	for (size_t i = 0; r == 0 && i < operands.count; i++)
		r = add_pattern(w, operands.at[i], err);
	if (r < 0)
		return r;
	w->json = strcmp(format, "json") == 0;
	if (!w->json && *format && strcmp(format, "table") != 0)
		return err_set(err, EINVAL, "the format is table or json, not \"%s\"", format);
	return 0;
}

/* docker tries a pattern on the short and the full form, with and without the tag. */
static bool is_wanted(const struct wishes *w, const struct ref *r)
{
	autofree char *familiar = ref_familiar(r);
	autofree char *familiar_repository = ref_familiar_repository(r);
	autofree char *full = ref_full(r);
	autofree char *repository = ref_repository(r);
	const char *const forms[] = {familiar, familiar_repository, full, repository};

	for (size_t i = 0; i < w->references.count; i++)
		for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++)
			if (forms[f] && glob_match(w->references.at[i], forms[f]))
				return true;
	return w->references.count == 0;
}

/* ---- rows ---- */

struct row {
	char *repository; /* owned; NULL: none */
	char *tag;	  /* owned; NULL: none */
	struct digest digest, id;
	bool known; /* the documents were there: id, size */
	bool has_created;
	int64_t created;
	uint64_t size;
};

struct rows {
	struct row *at; /* owned */
	size_t count;
};

static void rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->at[i].repository);
		free(rows->at[i].tag);
	}
	free(rows->at);
}

/* A tag of the same repository names the same: then a name by digest is no row of its own. */
static bool has_tag(const struct names *names, const struct name *name, const struct ref *r)
{
	autofree char *repository = ref_repository(r);
	size_t len = repository ? strlen(repository) : 0;

	for (size_t i = names_lower_bound(names, repository ? repository : "");
	     i < names_count(names); i++) {
		const struct name *other = names_at(names, i);

		if (!len || strncmp(other->reference, repository, len) != 0)
			break;
		if (other->reference[len] == ':' &&
		    digest_equal(&other->descriptor.digest, &name->descriptor.digest))
			return true;
	}
	return false;
}

static void read_image(struct store *s, const struct name *name, const struct platform *wish,
		       struct row *row)
{
	AUTO(image_close) struct image *i = NULL;
	uint32_t ns;

	row->digest = name->descriptor.digest;
	if (image_open(s, &name->descriptor, wish, IMAGE_LOCAL, &i, NULL) < 0)
		return;
	row->known = true;
	row->id = i->manifest->config.digest;
	row->size = image_size(s, i);
	row->has_created =
	    i->config->created && oci_time_parse(i->config->created, &row->created, &ns, NULL) == 0;
}

/* Fills in a row for the name: 1, or 0 where it is not wanted. */
static int make_row(struct store *s, const struct wishes *w, const struct platform *wish,
		    const struct names *names, const struct name *name, struct row *row,
		    struct err *err)
{
	autoref r = REF_INIT;
	autofree char *full = NULL;

	if (ref_parse(name->reference, &r, NULL) == 0)
		full = ref_full(&r);
	if (full && strcmp(full, name->reference) == 0) {
		if (!is_wanted(w, &r) || (r.has_digest && has_tag(names, name, &r)))
			return 0;
		row->repository = ref_familiar_repository(&r);
		row->tag = r.has_digest ? NULL : strdup(r.tag);
		if (!row->repository || (!row->tag && !r.has_digest))
			return err_nomem(err);
	} else if (w->references.count) {
		return 0;
	}
	read_image(s, name, wish, row);
	return 1;
}

static int compare_rows(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;
	int r;

	if (a->has_created != b->has_created)
		return b->has_created - a->has_created;
	if (a->created != b->created)
		return a->created < b->created ? 1 : -1;
	r = strcmp(a->repository ? a->repository : NONE, b->repository ? b->repository : NONE);
	return r ? r : strcmp(a->tag ? a->tag : NONE, b->tag ? b->tag : NONE);
}

static int collect_rows(struct store *s, const struct wishes *w, const struct platform *wish,
			struct rows *rows, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	int r = names_get(s, &names, err);

	if (r < 0)
		return r;
	rows->at = calloc(names_count(names) + 1, sizeof(*rows->at));
	if (!rows->at)
		return err_nomem(err);
	for (size_t i = 0; i < names_count(names); i++) {
		r = make_row(s, w, wish, names, names_at(names, i), &rows->at[rows->count], err);
		if (r < 0) {
			rows->count++;
			return r;
		}
		rows->count += (size_t)r;
	}
	qsort(rows->at, rows->count, sizeof(*rows->at), compare_rows);
	return 0;
}

/* ---- what is printed ---- */

struct cells { /* of one row, as text */
	const char *repository, *tag;
	char digest[DIGEST_TEXT_MAX], id[DIGEST_TEXT_MAX];
	char ago[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];
};

static void format_cells(const struct row *row, const struct wishes *w, int64_t now,
			 struct cells *c)
{
	char text[DIGEST_TEXT_MAX];
	const char *id = digest_text(&row->id, text);

	c->repository = row->repository ? row->repository : NONE;
	c->tag = row->tag ? row->tag : NONE;
	digest_text(&row->digest, c->digest);
	if (!row->known)
		strcpy(c->id, NONE);
	else if (w->no_trunc)
		strcpy(c->id, id);
	else
		snprintf(c->id, sizeof(c->id), "%.*s", ID_DIGITS, strchr(id, ':') + 1);
	if (row->has_created)
		units_ago(row->created, now, c->ago);
	else
		strcpy(c->ago, "N/A");
	units_size(row->size, 3, c->size);
}

static void print_table(const struct rows *rows, const struct wishes *w, int64_t now,
			struct buf *out)
{
	autotable t = TABLE_INIT(w->digests ? 6 : 5);

	table_cell(&t, "REPOSITORY");
	table_cell(&t, "TAG");
	if (w->digests)
		table_cell(&t, "DIGEST");
	table_cell(&t, "IMAGE ID");
	table_cell(&t, "CREATED");
	table_cell(&t, "SIZE");
	for (size_t i = 0; i < rows->count; i++) {
		struct cells c;

		format_cells(&rows->at[i], w, now, &c);
		table_cell(&t, c.repository);
		table_cell(&t, c.tag);
		if (w->digests)
			table_cell(&t, c.digest);
		table_cell(&t, c.id);
		table_cell(&t, c.ago);
		table_cell(&t, c.size);
	}
	table_print(&t, out);
}

static void print_json(const struct row *row, const struct wishes *w, int64_t now, struct buf *out)
{
	autojson *o = json_object_new_object();
	char created_at[UNITS_TEXT_MAX];
	struct cells c;

	format_cells(row, w, now, &c);
	const char *const members[][2] = {
	    {"Containers", "N/A"},
	    {"CreatedAt", row->has_created ? units_local_time(row->created, created_at) : "N/A"},
	    {"CreatedSince", c.ago},
	    {"Digest", w->digests ? c.digest : NONE},
	    {"ID", c.id},
	    {"Repository", c.repository},
	    {"SharedSize", "N/A"},
	    {"Size", c.size},
	    {"Tag", c.tag},
	    {"UniqueSize", "N/A"},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_object_add(o, members[i][0], json_object_new_string(members[i][1]));
	json_text_line(out, o, JSON_TEXT_HTML);
	buf_putc(out, '\n');
}

static void print_id(const struct row *row, const struct wishes *w, struct buf *out)
{
	struct cells c;

	format_cells(row, w, 0, &c);
	if (row->known)
		buf_printf(out, "%s\n", c.id);
}

int images_table(struct store *s, const struct platform *wish, const struct words *arguments,
		 int64_t now, struct buf *out, struct err *err)
{
	struct wishes w = {.references = WORDS_INIT};
	struct rows rows = {0};
	int r = parse_wishes(arguments, &w, err);

	if (r == 0)
		r = collect_rows(s, &w, wish, &rows, err);
	if (r == 0 && !w.json && !w.quiet)
		print_table(&rows, &w, now, out);
	for (size_t i = 0; r == 0 && i < rows.count; i++) {
		if (w.json)
			print_json(&rows.at[i], &w, now, out);
		else if (w.quiet)
			print_id(&rows.at[i], &w, out);
	}
	if (r == 0 && buf_failed(out))
		r = err_nomem(err);
	rows_clear(&rows);
	words_clear(&w.references);
	return r;
}

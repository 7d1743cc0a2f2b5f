/* SPDX-License-Identifier: MIT */
#include "fs/docker/images_table.h"

#include "fs/docker/images_filter.h"
#include "fs/docker/images_tree.h"
#include "fs/docker/rows.h"
#include "fs/docker/units.h"
#include "store/oci/ref.h"
#include "store/images/image_facts.h"
#include "store/disk/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NONE "<none>"

/* ---- what is asked for ---- */

struct images_wishes {
	bool all, quiet, digests, no_trunc, tree;
	const char *format, *view; /* of the arguments */
	struct images_filter filter;
};

/* What a tree has not, in docker's words. */
static int check_tree(const struct images_wishes *w, struct err *err)
{
	const char *option = w->quiet	   ? "--quiet"
			     : w->no_trunc ? "--no-trunc"
			     : w->digests  ? "--show-digest"
			     : w->format   ? "--format"
					   : NULL;

	if (w->view && strcmp(w->view, "29") != 0)
		return err_set(err, EINVAL, "unknown view: %s", w->view);
	if ((w->tree || w->view) && option)
		return err_set(err, EINVAL, "%s is not yet supported with --tree", option);
	return 0;
}

static int parse_wishes(struct store *s, const struct platform *wish, const struct words *arguments,
			int64_t now, struct images_wishes *w, struct err *err)
{
	autowords filters = WORDS_INIT, operands = WORDS_INIT;
	const struct args_option options[] = {
	    {.name = "all", .letter = 'a', .flag = &w->all},
	    {.name = "quiet", .letter = 'q', .flag = &w->quiet},
	    {.name = "digests", .flag = &w->digests},
	    {.name = "no-trunc", .flag = &w->no_trunc},
	    {.name = "filter", .letter = 'f', .list = &filters},
	    {.name = "format", .value = &w->format},
	    {.name = "tree", .flag = &w->tree},
	    {.name = "view", .value = &w->view},
	    {0},
	};
	int r = args_parse(arguments, options, &operands, err);

	if (!r)
		r = args_count("images", &operands, 0, 1, err);
	if (!r)
		r = check_tree(w, err);
	for (size_t i = 0; !r && i < filters.count; i++)
		r = images_filter_add(&w->filter, s, wish, filters.at[i], now, err);
	for (size_t i = 0; !r && i < operands.count && *operands.at[i]; i++) /* '' is none */
		r = images_filter_pattern(&w->filter, operands.at[i], err);
	return r;
}

/* ---- rows ---- */

struct row {
	char *repository;	      /* owned; NULL: none */
	char *tag;		      /* owned; NULL: none */
	const struct descriptor *top; /* borrowed from the names */
	struct digest id;
	bool known; /* the documents were there: id, size */
	bool has_created;
	int64_t created;
	uint64_t size;
};

enum { ROW_UNWANTED = 0, ROW_WANTED = 1 };

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
static int has_tag(const struct names *names, const struct name *name, const struct ref *r,
		   struct err *err)
{
	autofree char *repository = ref_repository(r);
	size_t len = repository ? strlen(repository) : 0;

	if (!repository)
		return err_nomem(err);
	for (size_t i = names_lower_bound(names, repository); i < names_count(names); i++) {
		const struct name *other = names_at(names, i);

		if (strncmp(other->reference, repository, len) != 0)
			break;
		if (other->reference[len] == ':' &&
		    digest_equal(&other->descriptor.digest, &name->descriptor.digest))
			return true;
	}
	return false;
}

/* What its documents say: ROW_UNWANTED where the image is not wanted, or none. */
static int read_image(struct store *s, const struct images_wishes *w, const struct name *name,
		      const struct platform *wish, struct row *row, struct err *err)
{
	struct image_facts facts;
	int r = image_facts(s, &name->descriptor, wish, &facts, err);

	if (r == -ENOMEM)
		return r;
	row->top = &name->descriptor;
	row->known = r == 0;
	if (row->known) {
		if (facts.artifact)
			return ROW_UNWANTED;
		row->id = facts.config;
		row->size = facts.size;
		row->has_created = facts.has_created;
		row->created = facts.created;
	}
	if (!images_filter_created(&w->filter, row->has_created ? &row->created : NULL))
		return ROW_UNWANTED;
	return images_filter_labels(&w->filter, s, &name->descriptor, wish, err);
}

/* Fills in a row for the name, where one is wanted. */
static int make_row(struct store *s, const struct images_wishes *w, const struct platform *wish,
		    const struct names *names, const struct name *name, struct row *row,
		    struct err *err)
{
	autoref r = REF_INIT;
	int is = ref_parse(name->reference, &r, err);

	if (is == -EINVAL)
		return ROW_UNWANTED;
	if (is == 0)
		is = images_filter_name(&w->filter, name, &r, err);
	if (is > 0 && r.has_digest) {
		is = has_tag(names, name, &r, err);
		is = is < 0 ? is : !is;
	}
	if (is > 0)
		is = read_image(s, w, name, wish, row, err);
	if (is <= 0)
		return is;
	if (name->dangling)
		return ROW_WANTED;
	row->repository = ref_familiar_repository(&r);
	row->tag = r.has_digest ? NULL : strdup(r.tag);
	return row->repository && (row->tag || r.has_digest) ? ROW_WANTED : err_nomem(err);
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

static int collect_rows(struct store *s, const struct images_wishes *w, const struct platform *wish,
			const struct names *names, struct rows *rows, struct err *err)
{
	int r;

	rows->at = calloc(names_count(names) + 1, sizeof(*rows->at));
	if (!rows->at)
		return err_nomem(err);
	for (size_t i = 0; i < names_count(names); i++) {
		r = make_row(s, w, wish, names, names_at(names, i), &rows->at[rows->count], err);
		if (r < 0) {
			rows->count++;
			return r;
		}
		rows->count += r == ROW_WANTED;
	}
	qsort(rows->at, rows->count, sizeof(*rows->at), compare_rows);
	return 0;
}

/* ---- what is printed ---- */

static const struct rows_field fields[] = {
    {"Containers", "CONTAINERS"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedSince", "CREATED"},
    {"Digest", "DIGEST"},
    {"ID", "IMAGE ID"},
    {"Repository", "REPOSITORY"},
    {"SharedSize", "SHARED SIZE"},
    {"Size", "SIZE"},
    {"Tag", "TAG"},
    {"UniqueSize", "UNIQUE SIZE"},
    {0},
};

#define TABLE	"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
#define DIGESTS "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"

#define RAW_NAME    "repository: {{.Repository}}\ntag: {{.Tag}}\n"
#define RAW_ID	    "image_id: {{.ID}}"
#define RAW_REST    RAW_ID "\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
#define RAW	    RAW_NAME RAW_REST
#define RAW_DIGESTS RAW_NAME "digest: {{.Digest}}\n" RAW_REST

static void put_id(struct json_object *o, const struct row *row, bool whole)
{
	char text[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];

	hex[0] = '\0';
	if (row->known)
		snprintf(hex, sizeof(hex), "%.*s", DIGEST_ID_DIGITS, digest_hex(&row->id, text));
	rows_set(o, "ID", !row->known ? NONE : whole ? digest_text(&row->id, text) : hex);
}

/* The members in docker's order. Digest is there where a table or a template may want it. */
static struct json_object *row_object(const struct row *row, const struct images_wishes *w,
				      int64_t now)
{
	struct json_object *o = json_object_new_object();
	bool json = rows_is_json(w->format);
	char text[DIGEST_TEXT_MAX], ago[UNITS_TEXT_MAX], at[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];

	if (!o)
		return NULL;
	rows_set(o, "Containers", "N/A");
	rows_set(o, "CreatedAt", row->has_created ? units_local_time(row->created, at) : "N/A");
	rows_set(o, "CreatedSince", row->has_created ? units_ago(row->created, now, ago) : "N/A");
	rows_set(o, "Digest",
		 (w->digests || !json) && row->repository ? digest_text(&row->top->digest, text)
							  : NONE);
	put_id(o, row, w->no_trunc);
	rows_set(o, "Repository", row->repository ? row->repository : NONE);
	rows_set(o, "SharedSize", "N/A");
	rows_set(o, "Size", units_size(row->size, 3, size));
	rows_set(o, "Tag", row->tag ? row->tag : NONE);
	rows_set(o, "UniqueSize", "N/A");
	return o;
}

/* Appends the format of the rows. --digests gives a table a column that it lacks. */
static void put_format(const struct images_wishes *w, struct buf *out)
{
	const char *format = w->format ? w->format : "";

	if (rows_is_raw(format))
		format = w->quiet ? RAW_ID : w->digests ? RAW_DIGESTS : RAW;
	else if (w->quiet && rows_is_own_table(format))
		format = "{{.ID}}";
	buf_puts(out, format);
	if (w->digests && rows_is_table(format) && !strstr(format, "{{.Digest}}"))
		buf_puts(out, "\t{{.Digest}}");
	buf_putc(out, '\0');
}

static int images_table_print(const struct rows *rows, const struct images_wishes *w, int64_t now,
			      struct buf *out, struct err *err)
{
	autojson *list = json_object_new_array();
	autobuf format = BUF_INIT;
	bool quiet = w->quiet && rows_is_own_table(w->format);

	if (!list)
		return err_nomem(err);
	for (size_t i = 0; i < rows->count; i++) {
		struct json_object *o;

		if (quiet && !rows->at[i].known)
			continue;
		o = row_object(&rows->at[i], w, now);
		if (!o || json_object_array_add(list, o)) {
			json_object_put(o);
			return err_nomem(err);
		}
	}
	put_format(w, &format);
	if (buf_failed(&format))
		return err_nomem(err);
	return rows_print(list, fields, w->digests ? DIGESTS : TABLE, format.data, out, err);
}

/* By name; those without one last. */
static int compare_listed(const void *va, const void *vb)
{
	const char *a = ((const struct images_tree_row *)va)->name;
	const char *b = ((const struct images_tree_row *)vb)->name;

	return a && b ? strcmp(a, b) : !a - !b;
}

/* Docker leaves dangling images out of these, and out of its list those that are held by a digest, too. */
static bool is_in_tree(const struct row *row, const struct images_wishes *w)
{
	return row->tag || (w->tree && row->repository) || w->all ||
	       (w->filter.has_dangling && w->filter.dangling);
}

static int images_table_tree(struct store *s, const struct rows *rows,
			     const struct images_wishes *w, struct buf *out, struct err *err)
{
	autofree struct images_tree_row *of = calloc(rows->count + 1, sizeof(*of));
	autobuf names = BUF_INIT;
	const char *name;
	size_t n = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->at[i];

		buf_printf(&names, "%s:%s", row->tag ? row->repository : "",
			   row->tag ? row->tag : "");
		buf_putc(&names, '\0');
	}
	if (!of || buf_failed(&names))
		return err_nomem(err);
	name = names.data;
	for (size_t i = 0; i < rows->count; i++, name += strlen(name) + 1)
		if (is_in_tree(&rows->at[i], w))
			of[n++] = (struct images_tree_row){rows->at[i].tag ? name : NULL,
							   rows->at[i].top};
	if (w->tree)
		return images_tree(s, of, n, out, err);
	qsort(of, n, sizeof(*of), compare_listed);
	return images_list(s, of, n, out, err);
}

int images_table(struct store *s, const struct platform *wish, const struct words *arguments,
		 int64_t now, struct buf *out, struct err *err)
{
	struct images_wishes w = {0};
	AUTO(names_put) struct names *names = NULL;
	struct rows rows = {0};
	int r = parse_wishes(s, wish, arguments, now, &w, err);

	if (!r)
		r = names_get(s, &names, err);
	if (!r)
		r = collect_rows(s, &w, wish, names, &rows, err);
	if (!r)
		r = w.tree || w.view ? images_table_tree(s, &rows, &w, out, err)
				     : images_table_print(&rows, &w, now, out, err);
	rows_clear(&rows);
	images_filter_clear(&w.filter);
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * ctl/df: docker system df. Of docker's four kinds there are only images; the other rows are there
 * for programs that read the table. An image is active while it is in use (in_use.h). Sizes are those
 * of blobs on disk, so they are what rmi would free.
 */
#include "fs/tree/in_use.h"
#include "fs/docker/rows.h"
#include "fs/docker/units.h"
#include "fs/ctl/verb.h"
#include "store/images/image_facts.h"
#include "store/oci/ref.h"
#include "store/images/usage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct rows_field summary_fields[] = {
    {"Type", "TYPE"}, {"TotalCount", "TOTAL"},	      {"Active", "ACTIVE"},
    {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}, {0},
};
#define SUMMARY "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"

#define RAW                                                                                        \
	"type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n"          \
	"reclaimable: {{.Reclaimable}}\n"

static const struct rows_field image_fields[] = {
    {"Repository", "REPOSITORY"},
    {"Tag", "TAG"},
    {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},
    {"Size", "SIZE"},
    {"SharedSize", "SHARED SIZE"},
    {"UniqueSize", "UNIQUE SIZE"},
    {"Containers", "CONTAINERS"},
    {0},
};
#define IMAGES                                                                                     \
	"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t"      \
	"{{.UniqueSize}}\t{{.Containers}}"

#define REST                                                                                       \
	"\nContainers space usage:\n\n"                                                            \
	"CONTAINER ID   IMAGE     COMMAND   LOCAL VOLUMES   SIZE      CREATED   STATUS    NAMES\n" \
	"\nLocal Volumes space usage:\n\n"                                                         \
	"VOLUME NAME   LINKS     SIZE\n"                                                           \
	"\nBuild cache usage: 0B\n\n"                                                              \
	"CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n"

static int verb_df_add_row(struct json_object *rows, struct json_object **out, struct err *err)
{
	*out = json_object_new_object();
	if (*out && json_object_array_add(rows, *out) == 0)
		return 0;
	json_object_put(*out);
	return err_nomem(err);
}

/* "11.63MB (70%)" */
static void put_reclaimable(struct json_object *o, uint64_t bytes, uint64_t of, bool percent)
{
	char size[UNITS_TEXT_MAX], text[UNITS_TEXT_MAX + 16];

	units_size(bytes, 4, size);
	if (percent && of)
		snprintf(text, sizeof(text), "%s (%llu%%)", size,
			 (unsigned long long)(bytes / (double)of * 100));
	else
		snprintf(text, sizeof(text), "%s", size);
	rows_set(o, "Reclaimable", text);
}

static int add_kind(struct json_object *rows, const char *type, size_t total, size_t active,
		    uint64_t size, uint64_t reclaimable, struct err *err)
{
	char text[UNITS_TEXT_MAX];
	struct json_object *o;
	int r = verb_df_add_row(rows, &o, err);

	if (r)
		return r;
	snprintf(text, sizeof(text), "%zu", active);
	rows_set(o, "Active", text);
	put_reclaimable(o, reclaimable, size, strcmp(type, "Build Cache") != 0);
	rows_set(o, "Size", units_size(size, 4, text));
	snprintf(text, sizeof(text), "%zu", total);
	rows_set(o, "TotalCount", text);
	rows_set(o, "Type", type);
	return 0;
}

/* Artifacts take space, and are no images. */
static bool is_artifact(struct fs *fs, const struct name *n)
{
	struct image_facts facts;

	return image_facts(fs->store, &n->descriptor, &fs->platform, &facts, NULL) == 0 &&
	       facts.artifact;
}

static int summary(struct fs *fs, const struct names *names, const struct usage *u,
		   const char *format, struct buf *out, struct err *err)
{
	autojson *rows = json_object_new_array();
	uint64_t reclaimable = 0;
	size_t total = 0, active = 0;
	int r;

	if (!rows)
		return err_nomem(err);
	for (size_t i = 0; i < usage_count(u); i++) {
		const struct usage_image *image = usage_at(u, i);
		int used = in_use(fs, &image->digest, false, err);
		bool counts = !is_artifact(fs, names_at(names, image->name));

		if (used < 0)
			return used;
		total += counts;
		active += counts && used;
		reclaimable += used ? 0 : image->unique;
	}
	r = add_kind(rows, "Images", total, active, usage_total(u), reclaimable, err);
	if (!r)
		r = add_kind(rows, "Containers", 0, 0, 0, 0, err);
	if (!r)
		r = add_kind(rows, "Local Volumes", 0, 0, 0, 0, err);
	if (!r)
		r = add_kind(rows, "Build Cache", 0, 0, 0, 0, err);
	return r ? r
		 : rows_print(rows, summary_fields, SUMMARY, rows_is_raw(format) ? RAW : format,
			      out, err);
}

/* docker shortens the ID in its own table alone. */
static void put_image(struct json_object *o, struct fs *fs, const struct name *n, bool table)
{
	struct image_facts facts;
	char id[DIGEST_TEXT_MAX] = "<none>", digest[DIGEST_TEXT_MAX];
	char ago[UNITS_TEXT_MAX] = "N/A", at[UNITS_TEXT_MAX] = "N/A";

	if (image_facts(fs->store, &n->descriptor, &fs->platform, &facts, NULL) == 0) {
		digest_text(&facts.config, id);
		if (table)
			snprintf(id, sizeof(id), "%.*s", DIGEST_ID_DIGITS,
				 digest_hex(&facts.config, digest));
		if (facts.has_created) {
			units_ago(facts.created, time(NULL), ago);
			units_local_time(facts.created, at);
		}
	}
	rows_set(o, "CreatedAt", at);
	rows_set(o, "CreatedSince", ago);
	rows_set(o, "Digest", "");
	rows_set(o, "ID", id);
}

/* The newest image first, as in the table of images. */
struct dated {
	size_t i;
	int64_t created;
};

static int verb_df_newest_first(const void *va, const void *vb)
{
	const struct dated *a = va, *b = vb;

	if (a->created != b->created)
		return a->created < b->created ? 1 : -1;
	return a->i < b->i ? -1 : a->i > b->i;
}

/* Of images, not of artifacts; the caller frees it. */
static struct dated *dated_images(struct fs *fs, const struct names *names, const struct usage *u,
				  size_t *count)
{
	struct dated *list = calloc(usage_count(u) + 1, sizeof(*list));

	*count = 0;
	for (size_t i = 0; list && i < usage_count(u); i++) {
		const struct name *n = names_at(names, usage_at(u, i)->name);
		struct image_facts facts = {0};
		bool known =
		    image_facts(fs->store, &n->descriptor, &fs->platform, &facts, NULL) == 0;

		if (known && facts.artifact)
			continue;
		list[(*count)++] =
		    (struct dated){i, known && facts.has_created ? facts.created : INT64_MIN};
	}
	if (list)
		qsort(list, *count, sizeof(*list), verb_df_newest_first);
	return list;
}

/* An image by the first of its names. */
static int verb_df_add_image(struct json_object *rows, struct fs *fs, const struct name *n,
			     const struct usage_image *u, bool table, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *repository = NULL;
	char size[UNITS_TEXT_MAX];
	struct json_object *o = NULL;
	int r = ref_parse(n->reference, &ref, err);

	if (!r)
		repository = ref_familiar_repository(&ref);
	if (!r)
		r = repository ? verb_df_add_row(rows, &o, err) : err_nomem(err);
	if (r)
		return r;
	/* The members in docker's order. */
	rows_set(o, "Containers", "0");
	put_image(o, fs, n, table);
	rows_set(o, "Repository", n->dangling || ref.has_digest ? "<none>" : repository);
	rows_set(o, "SharedSize", units_size(u->shared, 4, size));
	rows_set(o, "Size", units_size(u->shared + u->unique, 3, size));
	rows_set(o, "Tag", ref.has_digest ? "<none>" : ref.tag);
	rows_set(o, "UniqueSize", units_size(u->unique, 4, size));
	return 0;
}

/* With -v a format is not of a row, but of all: {{range .Images}}. */
static int verb_df_print_all(struct json_object *images, const char *format, struct buf *out,
			     struct err *err)
{
	static const char *const others[] = {"Containers", "Volumes", "BuildCache"};
	autojson *all = json_object_new_object();

	if (!all)
		return err_nomem(err);
	json_object_object_add(all, "Images", json_object_get(images));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		json_object_object_add(all, others[i], json_object_new_array());
	return rows_print_one(all, format, out, err);
}

static int verbose(struct fs *fs, const struct names *names, const struct usage *u,
		   const char *format, struct buf *out, struct err *err)
{
	autojson *rows = json_object_new_array();
	size_t count;
	autofree struct dated *images = dated_images(fs, names, u, &count);
	int r = rows && images ? 0 : err_nomem(err);

	for (size_t i = 0; !r && i < count; i++) {
		const struct usage_image *image = usage_at(u, images[i].i);

		r = verb_df_add_image(rows, fs, names_at(names, image->name), image,
				      rows_is_own_table(format), err);
	}
	if (r || !rows_is_own_table(format))
		return r ? r : verb_df_print_all(rows, format, out, err);
	buf_puts(out, "Images space usage:\n\n");
	r = rows_print(rows, image_fields, IMAGES, "", out, err);
	buf_puts(out, REST);
	return r;
}

int verb_df(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	    struct err *err)
{
	bool all = false;
	const char *format = "";
	const struct args_option options[] = {
	    {.name = "verbose", .letter = 'v', .flag = &all},
	    {.name = "format", .value = &format},
	    {0},
	};
	AUTO(names_put) struct names *names = NULL;
	AUTO(usage_close) struct usage *u = NULL;
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	(void)j;
	if (!r)
		r = args_count("df", &operands, 0, 0, err);
	if (!r)
		r = names_get(fs->store, &names, err);
	if (!r)
		r = usage_open(fs->store, names, &u, err);
	if (r)
		return r;
	return all ? verbose(fs, names, u, format, out, err)
		   : summary(fs, names, u, format, out, err);
}

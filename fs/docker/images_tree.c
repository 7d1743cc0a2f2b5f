/* SPDX-License-Identifier: MIT */
#include "fs/docker/images_tree.h"

#include "fs/docker/units.h"
#include "store/disk/blob.h"
#include "store/disk/held.h"
#include "store/images/document.h"
#include "store/images/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTAGGED "<untagged>"

/* A line: a platform, or an image below its names. */
struct images_tree_line {
	char *text; /* owned; NULL for an image */
	struct digest digest;
	uint64_t here, size;
};

/* An image, and behind it its platforms. */
struct images_tree_lines {
	struct images_tree_line *at; /* owned */
	size_t count;
};

static void lines_clear(struct images_tree_lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->at[i].text);
	free(l->at);
	*l = (struct images_tree_lines){0};
}

static int lines_add(struct images_tree_lines *l, const struct digest *digest,
		     struct images_tree_line **out, struct err *err)
{
	struct images_tree_line *grown = reallocarray(l->at, l->count + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err);
	l->at = grown;
	*out = &grown[l->count++];
	**out = (struct images_tree_line){.digest = *digest};
	return 0;
}

static uint64_t bytes_here(struct store *s, const struct descriptor *d)
{
	return blob_exists(s, &d->digest, d->size) ? d->size
						   : held_bytes_of(s, &d->digest, d->size);
}

/* A manifest, and what its config says of its platform where the index does not. */
static int add_platform(struct store *s, const struct descriptor *d, struct images_tree_lines *l,
			struct err *err)
{
	AUTO(image_close) struct image *image = NULL;
	const struct platform *platform = d->has_platform ? &d->platform : NULL;
	struct images_tree_line *line;
	char text[PLATFORM_TEXT_MAX];
	int r = lines_add(l, &d->digest, &line, err);

	if (r)
		return r;
	r = image_open(s, d, &(struct platform){0}, IMAGE_LOCAL, &image, NULL);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (image) {
		const struct manifest *m = image->manifest;

		platform = platform ? platform : &image->config->platform;
		line->size = d->size + m->config.size;
		line->here = bytes_here(s, d) + bytes_here(s, &m->config);
		for (size_t i = 0; i < m->layer_count; i++) {
			line->size += m->layers[i].size;
			line->here += bytes_here(s, &m->layers[i]);
		}
	}
	line->text = strdup(platform && *platform->os ? platform_text(platform, text) : "unknown");
	return line->text ? 0 : err_nomem(err);
}

/* Of an index in an index its platforms; where its document is not here, it is one of which nothing is known. */
static int add_platforms(struct store *s, const struct descriptor *top, int depth,
			 struct images_tree_lines *l, struct err *err)
{
	AUTO(index_free) struct index *index = NULL;
	autobuf document = BUF_INIT;
	int r;

	if (!oci_type_is_index(top->media_type) || depth > IMAGE_INDEX_DEPTH_MAX)
		return add_platform(s, top, l, err);
	r = document_read(s, top, OCI_MANIFEST_MAX, &document, NULL);
	if (!r)
		r = index_parse(document.data, document.len, top->media_type, &index, NULL);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (!index)
		return depth > 0 ? add_platform(s, top, l, err) : 0;
	r = 0;
	for (size_t i = 0; !r && i < index->count; i++)
		if (index_entry_is_image(&index->manifests[i]))
			r = add_platforms(s, &index->manifests[i], depth + 1, l, err);
	return r;
}

/* The image's line first: its sums. */
static int add_tree_image(struct store *s, const struct descriptor *top,
			  struct images_tree_lines *l, struct err *err)
{
	struct images_tree_line *line;
	int r = lines_add(l, &top->digest, &line, err);

	if (!r)
		r = add_platforms(s, top, 0, l, err);
	for (size_t i = 1; !r && i < l->count; i++) {
		l->at[0].here += l->at[i].here;
		l->at[0].size += l->at[i].size;
	}
	return r;
}

/* ---- what is printed ---- */

static void put_tree_line(struct buf *out, size_t width, const char *text,
			  const struct images_tree_line *line)
{
	char hex[DIGEST_HEX_MAX], here[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];

	buf_printf(out, "%-*s   %.*s   %10s   %12s\n", (int)width, text, DIGEST_ID_DIGITS,
		   digest_hex(&line->digest, hex), units_size(line->here, 3, here),
		   units_size(line->size, 3, size));
}

#define BRANCH "\u251c\u2500 " /* 7 bytes, 3 columns */
#define CORNER "\u2514\u2500 "

static void put_platforms(struct buf *out, size_t width, const struct images_tree_lines *l)
{
	for (size_t i = 1; i < l->count; i++) {
		char text[PLATFORM_TEXT_MAX + sizeof(BRANCH)];

		snprintf(text, sizeof(text), "%s%s", i + 1 < l->count ? BRANCH : CORNER,
			 l->at[i].text);
		put_tree_line(out, width + sizeof(BRANCH) - 1 - 3, text, &l->at[i]);
	}
}

/* The longest first, as docker has them. */
static int compare_tree_names(const void *va, const void *vb)
{
	const char *a = *(const char *const *)va, *b = *(const char *const *)vb;
	size_t x = strlen(a), y = strlen(b);

	return x != y ? (x < y ? 1 : -1) : strcmp(a, b);
}

/* Each name of an image is a line; the last of them has its columns. `names` has room for all. */
static void put_tree_names(struct buf *out, size_t width, const struct images_tree_row *rows,
			   size_t count, const struct images_tree_line *line, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (digest_equal(&rows[i].top->digest, &line->digest) && rows[i].name)
			names[n++] = rows[i].name;
	qsort(names, n, sizeof(*names), compare_tree_names);
	for (size_t i = 0; i + 1 < n; i++)
		buf_printf(out, "%s\n", names[i]);
	put_tree_line(out, width, n > 0 ? names[n - 1] : UNTAGGED, line);
}

/* The first row of the same image. */
static size_t first_of(const struct images_tree_row *rows, size_t i)
{
	size_t k = 0;

	while (!digest_equal(&rows[k].top->digest, &rows[i].top->digest))
		k++;
	return k;
}

/* Of the column of names; `images` is NULL where it has no platforms. */
static size_t widest(const struct images_tree_row *rows, size_t count,
		     const struct images_tree_lines *images)
{
	size_t width = sizeof(UNTAGGED) - 1;

	for (size_t i = 0; i < count; i++) {
		size_t len = rows[i].name ? strlen(rows[i].name) : 0;

		width = len > width ? len : width;
		for (size_t k = 1; images && k < images[i].count; k++) {
			len = strlen(images[i].at[k].text) + 3;
			width = len > width ? len : width;
		}
	}
	return width;
}

/* The lines of each image, at its first row. */
static int read_images(struct store *s, const struct images_tree_row *rows, size_t count,
		       struct images_tree_lines *images, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		if (first_of(rows, i) == i)
			r = add_tree_image(s, rows[i].top, &images[i], err);
	return r;
}

static void put_head(struct buf *out, size_t width)
{
	buf_printf(out, "%-*s   %-*s   DISK USAGE   CONTENT SIZE\n", (int)width, "IMAGE",
		   DIGEST_ID_DIGITS, "ID");
}

static void free_images(struct images_tree_lines *images, size_t count)
{
	for (size_t i = 0; images && i < count; i++)
		lines_clear(&images[i]);
	free(images);
}

int images_tree(struct store *s, const struct images_tree_row *rows, size_t count, struct buf *out,
		struct err *err)
{
	struct images_tree_lines *images = calloc(count + 1, sizeof(*images));
	autofree const char **names = calloc(count + 1, sizeof(*names));
	int r = images && names ? read_images(s, rows, count, images, err) : err_nomem(err);
	size_t width = r ? 0 : widest(rows, count, images);

	if (!r)
		put_head(out, width);
	for (size_t i = 0; !r && i < count; i++) {
		if (images[i].count == 0)
			continue;
		if (i > 0)
			buf_putc(out, '\n');
		put_tree_names(out, width, rows, count, &images[i].at[0], names);
		put_platforms(out, width, &images[i]);
	}
	free_images(images, count);
	return !r && buf_failed(out) ? err_nomem(err) : r;
}

int images_list(struct store *s, const struct images_tree_row *rows, size_t count, struct buf *out,
		struct err *err)
{
	struct images_tree_lines *images = calloc(count + 1, sizeof(*images));
	int r = images ? read_images(s, rows, count, images, err) : err_nomem(err);
	size_t width = r ? 0 : widest(rows, count, NULL);

	if (!r)
		put_head(out, width);
	for (size_t i = 0; !r && i < count; i++) {
		size_t first = first_of(rows, i);

		if (rows[i].name || first == i)
			put_tree_line(out, width, rows[i].name ? rows[i].name : UNTAGGED,
				      &images[first].at[0]);
	}
	free_images(images, count);
	return !r && buf_failed(out) ? err_nomem(err) : r;
}

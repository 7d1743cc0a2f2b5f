/* SPDX-License-Identifier: MIT */
#include "store/lazy/lazy_table.h"

#include "store/lazy/json_elements.h"
#include "store/lazy/lazy_entry.h"
#include "store/lazy/lazy_spans.h"
#include "store/tar/tar_sparse.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_SHOWN 200 /* bytes of a name in a sentence */

/* RFC 8878, 3.1.1.2.4; deflate gives its bytes one by one. */
#define ZSTD_BLOCK_MAX (128u << 10)

/* Extents of a sparse file; the reader of an index takes no more. */
#define EXTENTS_MAX (1u << 18)

struct lazy_table {
	struct layer_table *index; /* borrowed */
	bool landmarks;
	uint64_t landmark; /* where its content lies; 0: none so far */
	bool no_prefetch;
	uint64_t entries;
	struct json_elements *json; /* owned */
	struct lazy_spans spans;

	/* A regular file whose chunks are still coming. */
	bool in_file;
	bool shown;
	uint64_t covered; /* bytes of it that chunks were told of */
	bool has_holes;
	struct lazy_entry *file, *next; /* its own, and then each chunk's in `next`; both in pair */
	struct lazy_entry pair[2];
	struct tar_sparse map;
};

static int check_memory(const struct lazy_table *t, struct err *err)
{
	if (t->entries > LAZY_ENTRIES_MAX)
		return err_set(err, EOPNOTSUPP, "more than %d entries", LAZY_ENTRIES_MAX);
	if (layer_table_memory(t->index) + lazy_spans_memory(&t->spans) > LAZY_MEMORY_MAX)
		return err_set(err, EOPNOTSUPP, "an index of more than %u MiB",
			       LAZY_MEMORY_MAX >> 20);
	return 0;
}

/* ---- a file and its chunks ---- */

static int add_span(struct lazy_table *t, const struct lazy_chunk *c, uint64_t size,
		    struct err *err)
{
	const struct digest *digest = c->content == LAZY_DATA && t->shown ? &c->sha256 : NULL;

	if (t->shown && c->content == LAZY_UNVERIFIED)
		return err_set(err, EOPNOTSUPP, "a chunk without a sha256: it cannot be verified");
	if (t->file->end && c->offset >= t->file->end)
		return err_set(err, EBADMSG, "a chunk at %llu of a file that ends at %llu",
			       (unsigned long long)c->offset, (unsigned long long)t->file->end);
	if (c->content == LAZY_ZEROS && c->offset == 0) /* they need no bytes of the blob */
		return 0;
	return lazy_spans_add(&t->spans, c->offset, c->inner, size, digest, err);
}

static int add_chunk(struct lazy_table *t, const struct lazy_chunk *c, struct err *err)
{
	uint64_t left = t->file->entry.size - t->covered;
	uint64_t size = c->size ? c->size : left;
	int r;

	if (c->at != t->covered)
		return err_set(err, EBADMSG, "a chunk begins at %llu of the file, not at %llu",
			       (unsigned long long)c->at, (unsigned long long)t->covered);
	if (size == 0 || size > left)
		return err_set(err, EBADMSG, "a chunk of %llu bytes where %llu are left",
			       (unsigned long long)size, (unsigned long long)left);
	r = add_span(t, c, size, err);
	if (!r && c->content == LAZY_ZEROS)
		t->has_holes = true;
	else if (!r)
		r = tar_sparse_add(&t->map, (int64_t)t->covered, (int64_t)size, err);
	if (!r && t->map.count > EXTENTS_MAX)
		r = err_set(err, EOPNOTSUPP, "a file of more than %u chunks", EXTENTS_MAX);
	t->covered += size;
	return r;
}

/* Two that contradict each other ask for nothing, as with stargz-snapshotter. */
static void take_landmark(struct lazy_table *t)
{
	const struct lazy_entry *e = t->file;

	if (strcmp(e->entry.path, LAZY_NO_PREFETCH) == 0)
		t->no_prefetch = true;
	else if (strcmp(e->entry.path, LAZY_PREFETCH) == 0 && e->entry.size > 0)
		t->landmark = e->chunk.offset;
}

static int begin_file(struct lazy_table *t, struct err *err)
{
	struct entry *e = &t->file->entry;

	t->in_file = true;
	t->shown = !(t->landmarks && lazy_is_landmark(e->path));
	t->covered = 0;
	t->has_holes = false;
	tar_sparse_reset(&t->map);
	e->data = t->spans.archive;
	if (!t->shown)
		take_landmark(t);
	if (e->size == 0)
		return 0;
	/* The digest of all of a file says nothing of a part. */
	if (t->file->whole_digest && t->file->chunk.content == LAZY_DATA && t->file->chunk.size &&
	    t->file->chunk.size < e->size)
		t->file->chunk.content = LAZY_UNVERIFIED;
	return add_chunk(t, &t->file->chunk, err);
}

static int end_file(struct lazy_table *t, struct err *err)
{
	struct entry *e = &t->file->entry;
	int r = 0;

	t->in_file = false;
	if (t->covered != e->size)
		return err_set(err, EBADMSG, "chunks of %llu bytes, but a size of %llu",
			       (unsigned long long)t->covered, (unsigned long long)e->size);
	/* A hole without a place has no end, either. */
	if (e->size > 0 && t->file->end && t->file->chunk.offset > 0)
		r = lazy_spans_end(&t->spans, t->file->end, err);
	if (r || !t->shown)
		return r;
	e->stored = t->spans.archive - e->data;
	if (t->has_holes) {
		r = tar_sparse_finish(&t->map, e->size, e->stored, err);
		e->extents = t->map.extents;
		e->extent_count = t->map.count;
	}
	return r ? r : layer_table_entry(t->index, e, err);
}

/* The file that came last is whole. */
static int flush_file(struct lazy_table *t, struct err *err)
{
	int r = t->in_file ? end_file(t, err) : 0;

	return r ? err_context(err, "\"%.*s\"", NAME_SHOWN, t->file->entry.path) : 0;
}

/* ---- all of it ---- */

static int next_chunk(struct lazy_table *t, struct err *err)
{
	const struct entry *e = &t->next->entry, *file = &t->file->entry;

	if (!t->in_file || (e->path_len && strcmp(e->path, file->path) != 0))
		return err_set(err, EBADMSG, "a chunk that follows no chunk of its file");
	return add_chunk(t, &t->next->chunk, err);
}

static int next_entry(struct lazy_table *t, struct err *err)
{
	struct entry *e = &t->next->entry;
	struct lazy_entry *spare = t->file;

	if (!S_ISREG(e->mode)) {
		e->data = t->spans.archive;
		return layer_table_entry(t->index, e, err);
	}
	t->file = t->next;
	t->next = spare;
	return begin_file(t, err);
}

static int take_element(struct lazy_table *t, struct err *err)
{
	int r = t->next->is_chunk ? next_chunk(t, err) : next_entry(t, err);

	return r ? r : check_memory(t, err);
}

static int lazy_table_on_element(void *arg, const struct json_fields *o, struct err *err)
{
	struct lazy_table *t = arg;
	const char *name;
	int r = lazy_entry_take(t->next, o, err);

	if (!r && !t->next->is_chunk)
		r = flush_file(t, err);
	if (r)
		return r;
	t->entries++;
	r = take_element(t, err);
	if (!r)
		return 0;
	name = json_field_text(json_field(o, "name"));
	return err_context(err, "\"%.*s\"", NAME_SHOWN, name ? name : "");
}

int lazy_table_open(struct layer_table *index, const struct lazy *from, struct lazy_table **out,
		    struct err *err)
{
	AUTO(lazy_table_close) struct lazy_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_nomem(err);
	t->index = index;
	t->file = &t->pair[0];
	t->next = &t->pair[1];
	t->landmarks = from->landmarks;
	t->spans = (struct lazy_spans){
	    .table = index,
	    .limit = from->content_end,
	    .block = from->format == LAZY_ZSTD_CHUNKED ? ZSTD_BLOCK_MAX : 0,
	};
	r = json_elements_open("entries", lazy_table_on_element, t, &t->json, err);
	if (!r)
		*out = steal(&t);
	return r;
}

void lazy_table_close(struct lazy_table *t)
{
	if (!t)
		return;
	json_elements_close(t->json);
	lazy_spans_free(&t->spans);
	lazy_entry_free(&t->pair[0]);
	lazy_entry_free(&t->pair[1]);
	tar_sparse_free(&t->map);
	free(t);
}

int lazy_table_feed(struct lazy_table *t, const void *data, size_t len, struct err *err)
{
	return json_elements_feed(t->json, data, len, err);
}

int lazy_table_finish(struct lazy_table *t, struct err *err)
{
	autojson *rest = NULL;
	uint64_t version;
	int r = json_elements_finish(t->json, &rest, err);

	if (!r)
		r = flush_file(t, err);
	if (!r)
		r = lazy_spans_finish(&t->spans, err);
	if (r)
		return r;
	if (json_u64(rest, "version", UINT64_MAX, &version, NULL))
		return err_set(err, EBADMSG, "the table of contents has no version");
	if (version != 1)
		return err_set(err, EOPNOTSUPP, "a table of contents of version %llu",
			       (unsigned long long)version);
	return 0;
}

uint64_t lazy_table_landmark(const struct lazy_table *t)
{
	return t->no_prefetch ? 0 : t->landmark;
}

/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_plan.h"

#include "store/disk/blob.h"
#include "store/images/gc.h"
#include "store/layer/layer_build.h"
#include "store/disk/lease.h"
#include "store/base/map.h"
#include "store/disk/names.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct planned_image {
	char *reference; /* owned, full */
	bool tagged;	 /* else the reference is made up */
	struct descriptor descriptor;
	struct digest id;
};

#define SKIPPED_MAX 600 /* bytes of words */

struct archive_plan {
	struct store *store;   /* borrowed */
	size_t *memory;	       /* borrowed */
	struct cancel *cancel; /* borrowed, or NULL */
	struct lease *lease;   /* owned */
	struct map *seen;      /* owned: digests that are planned */
	struct buf blobs;      /* owned: struct quarantine *, borrowed, in order */
	struct buf made;       /* owned: struct quarantine *, owned */
	struct buf images;     /* owned: struct planned_image */
	struct buf skipped;    /* owned: words */
};

int archive_plan_open(struct store *s, size_t *memory, struct cancel *cancel,
		      struct archive_plan **out, struct err *err)
{
	AUTO(archive_plan_close) struct archive_plan *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(err);
	p->store = s;
	p->memory = memory;
	p->cancel = cancel;
	p->seen = map_new();
	if (!p->seen)
		return err_nomem(err);
	r = lease_open(s, &p->lease, err);
	if (!r)
		*out = steal(&p);
	return r;
}

static size_t count_of(const struct buf *list, size_t size)
{
	assert(list->len % size == 0);
	return list->len / size;
}

static struct quarantine *quarantine_at(const struct buf *list, size_t i)
{
	assert(i < count_of(list, sizeof(struct quarantine *)));
	return ((struct quarantine **)(void *)list->data)[i];
}

static struct planned_image *image_at(const struct archive_plan *p, size_t i)
{
	assert(i < count_of(&p->images, sizeof(struct planned_image)));
	return (struct planned_image *)(void *)p->images.data + i;
}

static int archive_plan_append(struct buf *list, const void *item, size_t size, struct err *err)
{
	buf_append(list, item, size);
	return buf_failed(list) ? err_nomem(err) : 0;
}

int archive_plan_blob(struct archive_plan *p, const struct digest *digest, uint64_t size,
		      struct quarantine *q, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	int r;

	digest_text(digest, text);
	if (map_get(p->seen, text, strlen(text)))
		return 0;
	if (q && (!digest_equal(digest, quarantine_digest(q)) || quarantine_size(q) != size)) {
		char found[DIGEST_TEXT_MAX];

		return err_set(err, EBADMSG, "blob %s: its %llu bytes have the digest %s", text,
			       (unsigned long long)quarantine_size(q),
			       digest_text(quarantine_digest(q), found));
	}
	/* First held, then looked for. */
	r = lease_add(p->lease, digest, 1, err);
	if (!r && !q && !blob_exists(p->store, digest, size))
		r = err_set(err, ENOENT, "blob %s is neither in the archive nor in the store",
			    text);
	if (!r && q)
		r = archive_plan_append(&p->blobs, &q, sizeof(q), err);
	if (!r && map_put(p->seen, text, strlen(text), p) < 0)
		r = err_nomem(err);
	return r;
}

bool archive_plan_has(struct archive_plan *p, const struct digest *digest, uint64_t size)
{
	return lease_add(p->lease, digest, 1, NULL) == 0 && blob_exists(p->store, digest, size);
}

int archive_plan_read(struct archive_plan *p, const struct digest *digest, size_t max,
		      struct buf *out, struct err *err)
{
	return blob_read(p->store, digest, max, out, err);
}

int archive_plan_document(struct archive_plan *p, const char *media_type, const struct buf *text,
			  struct descriptor *out, struct err *err)
{
	struct quarantine *q = NULL;
	int r = quarantine_open(p->store, DIGEST_SHA256, text->len, p->memory, &q, err);

	if (!r)
		r = archive_plan_append(&p->made, &q, sizeof(q), err);
	if (r < 0) {
		quarantine_close(q);
		return r;
	}
	r = quarantine_write(q, text->data, text->len, err);
	if (!r)
		r = quarantine_end(q, err);
	if (!r)
		r = archive_plan_blob(p, quarantine_digest(q), text->len, q, err);
	if (r < 0)
		return r;
	*out = (struct descriptor){.digest = *quarantine_digest(q), .size = text->len};
	out->media_type = strdup(media_type);
	return out->media_type ? 0 : err_nomem(err);
}

int archive_plan_layer(struct archive_plan *p, const struct digest *digest, struct quarantine *q,
		       struct layer_index **out, struct err *err)
{
	/* First held: a deletion takes the index of what nobody holds. */
	int r = lease_add(p->lease, digest, 1, err);

	if (r)
		return r;
	if (q)
		return quarantine_layer(q, p->cancel, out, err);
	r = layer_index_open(p->store, digest, LAYER_CHECK_BLOCKS, out, err);
	if (r != -ENOENT)
		return r;
	r = layer_build_from_blob(p->store, digest, NULL, p->cancel, err);
	return r < 0 ? r : layer_index_open(p->store, digest, LAYER_CHECK_BLOCKS, out, err);
}

static void archive_plan_image_clear(struct planned_image *i)
{
	free(i->reference);
	descriptor_clear(&i->descriptor);
}

int archive_plan_image(struct archive_plan *p, const char *reference, const struct descriptor *d,
		       const struct digest *id, struct err *err)
{
	struct planned_image i = {.tagged = reference != NULL, .id = *id};
	autobuf name = BUF_INIT;
	char text[DIGEST_TEXT_MAX];
	int r = descriptor_copy(&i.descriptor, d, err);

	if (r < 0)
		return r;
	if (reference)
		buf_puts(&name, reference);
	else
		buf_printf(&name, "%s@%s", ARCHIVE_UNTAGGED, digest_text(&d->digest, text));
	i.reference = buf_steal(&name);
	r = i.reference ? archive_plan_append(&p->images, &i, sizeof(i), err) : err_nomem(err);
	if (r < 0)
		archive_plan_image_clear(&i);
	return r;
}

size_t archive_plan_images(const struct archive_plan *p)
{
	return count_of(&p->images, sizeof(struct planned_image));
}

static int set_names(struct archive_plan *p, struct err *err)
{
	size_t count = archive_plan_images(p);
	autofree struct names_change *changes = calloc(count + 1, sizeof(*changes));

	if (!changes)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const struct planned_image *image = image_at(p, i);

		changes[i] = (struct names_change){.reference = image->reference,
						   .set = &image->descriptor,
						   .dangling = !image->tagged};
	}
	return names_edit(p->store, changes, count, err);
}

int archive_plan_publish(struct archive_plan *p, archive_plan_told told, void *arg, struct err *err)
{
	size_t blobs = count_of(&p->blobs, sizeof(struct quarantine *));
	int r = store_writable(p->store, err);

	for (size_t i = 0; !r && i < blobs; i++) {
		r = cancel_check(p->cancel, err);
		if (!r)
			r = quarantine_publish(quarantine_at(&p->blobs, i), err);
	}
	if (!r)
		r = set_names(p, err);
	if (r < 0) { /* what is there already is nobody's: unless others came to need it */
		struct gc gc = {0};

		lease_close(steal(&p->lease));
		gc_run(p->store, &gc, NULL);
		return r;
	}
	for (size_t i = 0; i < archive_plan_images(p); i++)
		told(arg, image_at(p, i)->tagged ? image_at(p, i)->reference : NULL,
		     &image_at(p, i)->id);
	return 0;
}

struct cancel *archive_plan_cancel(const struct archive_plan *p)
{
	return p->cancel;
}

void archive_plan_skip(struct archive_plan *p, const struct descriptor *d)
{
	char text[DIGEST_TEXT_MAX];

	if (p->skipped.len < SKIPPED_MAX)
		buf_printf(&p->skipped, "%s%s is of type %s, which is not known",
			   p->skipped.len ? "; " : "", digest_text(&d->digest, text),
			   d->media_type);
}

const char *archive_plan_skipped(const struct archive_plan *p)
{
	return p->skipped.len && !buf_failed(&p->skipped) ? p->skipped.data : NULL;
}

void archive_plan_close(struct archive_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < archive_plan_images(p); i++)
		archive_plan_image_clear(image_at(p, i));
	for (size_t i = 0; i < count_of(&p->made, sizeof(struct quarantine *)); i++)
		quarantine_close(quarantine_at(&p->made, i));
	buf_free(&p->images);
	buf_free(&p->skipped);
	buf_free(&p->made);
	buf_free(&p->blobs);
	map_free(p->seen);
	lease_close(p->lease);
	free(p);
}

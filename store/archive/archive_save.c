/* SPDX-License-Identifier: MIT */
#include "store/archive/archive_save.h"

#include "store/disk/layout_name.h"
#include "store/oci/oci.h"
#include "store/oci/ref.h"
#include "store/tar/tar_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A stretch of the archive: bytes in `own`, or a blob. */
struct save_part {
	uint64_t offset, length;
	size_t own; /* where in `own` it begins; OF_BLOB */
	struct digest digest;
	size_t image, layer;
};
#define OF_BLOB SIZE_MAX

struct archive_save {
	struct buf own;		 /* headers, documents, padding */
	struct save_part *parts; /* owned; by offset, without gaps */
	size_t count;
	uint64_t size;
};

/* ---- documents ---- */

static bool archive_save_add_text(struct json_object *o, const char *key, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	if (value && json_object_object_add(o, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static struct json_object *archive_save_descriptor_object(const struct descriptor *d)
{
	autojson *o = json_object_new_object();
	char text[DIGEST_TEXT_MAX];

	if (!o || !archive_save_add_text(o, "mediaType", d->media_type) ||
	    !archive_save_add_text(o, "digest", digest_text(&d->digest, text)) ||
	    json_object_object_add(o, "size", json_object_new_uint64(d->size)))
		return NULL;
	return steal(&o);
}

/* The descriptor with containerd's two annotations, as docker writes it. */
static struct json_object *named_object(const struct descriptor *d, const char *reference)
{
	autojson *o = archive_save_descriptor_object(d);
	struct json_object *annotations = json_object_new_object();
	autoref ref = REF_INIT;

	if (!o || !annotations || json_object_object_add(o, "annotations", annotations) ||
	    ref_parse(reference, &ref, NULL) < 0 ||
	    !archive_save_add_text(annotations, OCI_CONTAINERD_NAME, reference) ||
	    !archive_save_add_text(annotations, LAYOUT_REFERENCE, ref.tag ? ref.tag : "latest"))
		return NULL;
	return steal(&o);
}

/* The descriptors of an image: one for each of its names, or one without a name. */
static bool list_manifests(struct json_object *manifests, const struct archive_save_image *w)
{
	for (size_t k = 0; k < (w->count ? w->count : 1); k++) {
		struct json_object *d = w->count ? named_object(w->named, w->references[k])
						 : archive_save_descriptor_object(w->named);

		if (!d || json_object_array_add(manifests, d))
			return false;
	}
	return true;
}

static struct json_object *index_object(const struct archive_save_image *images, size_t count)
{
	autojson *o = json_object_new_object();
	struct json_object *manifests = json_object_new_array();

	if (!o || !manifests ||
	    json_object_object_add(o, "schemaVersion", json_object_new_int(2)) ||
	    !archive_save_add_text(o, "mediaType", OCI_TYPE_INDEX) ||
	    json_object_object_add(o, "manifests", manifests))
		return NULL;
	for (size_t k = 0; k < count; k++)
		if (!list_manifests(manifests, &images[k]))
			return NULL;
	return steal(&o);
}

static const char *blob_name(const struct digest *d, char name[static DIGEST_TEXT_MAX + 16])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(name, DIGEST_TEXT_MAX + 16, "blobs/%s/%s", digest_algorithm_name(d),
		 digest_hex(d, hex));
	return name;
}

/* An image of docker's manifest.json. */
static struct json_object *docker_object(const struct archive_save_image *w)
{
	autojson *o = json_object_new_object();
	const struct manifest *m = w->image->manifest;
	struct json_object *tags = w->count ? json_object_new_array() : NULL, *layers;
	char name[DIGEST_TEXT_MAX + 16];

	if (!o || !archive_save_add_text(o, "Config", blob_name(&m->config.digest, name)))
		return NULL;
	json_object_object_add(o, "RepoTags", tags);
	for (size_t k = 0; k < w->count; k++) {
		autoref ref = REF_INIT;
		autofree char *familiar = NULL;

		if (ref_parse(w->references[k], &ref, NULL) < 0 || !(familiar = ref_familiar(&ref)))
			return NULL;
		json_object_array_add(tags, json_object_new_string(familiar));
	}
	layers = json_object_new_array();
	json_object_object_add(o, "Layers", layers);
	for (size_t k = 0; k < m->layer_count; k++)
		json_object_array_add(
		    layers, json_object_new_string(blob_name(&m->layers[k].digest, name)));
	return steal(&o);
}

static struct json_object *docker_list(const struct archive_save_image *images, size_t count)
{
	autojson *list = json_object_new_array();

	for (size_t k = 0; k < count; k++) {
		struct json_object *o = docker_object(&images[k]);

		if (!list || !o || json_object_array_add(list, o))
			return NULL;
	}
	return steal(&list);
}

/* ---- the archive ---- */

static struct save_part *last_part(struct archive_save *a)
{
	return a->count ? &a->parts[a->count - 1] : NULL;
}

static struct save_part *archive_save_new_part(struct archive_save *a, struct err *err)
{
	struct save_part *parts = reallocarray(a->parts, a->count + 1, sizeof(*parts));

	if (!parts) {
		err_nomem(err);
		return NULL;
	}
	a->parts = parts;
	parts[a->count] = (struct save_part){.offset = a->size};
	return &parts[a->count++];
}

/* Bytes of the archive's own, as one part with those before. */
static int add_own(struct archive_save *a, const void *data, size_t len, struct err *err)
{
	struct save_part *p = last_part(a);

	if (!p || p->own == OF_BLOB) {
		p = archive_save_new_part(a, err);
		if (!p)
			return -ENOMEM;
		p->own = a->own.len;
	}
	buf_append(&a->own, data, len);
	p->length += len;
	a->size += len;
	return buf_failed(&a->own) ? err_nomem(err) : 0;
}

static int add_padding(struct archive_save *a, uint64_t size, struct err *err)
{
	static const char zeros[TAR_WRITER_END];

	return add_own(a, zeros, size, err);
}

static int add_header(struct archive_save *a, const char *path, uint32_t mode, uint64_t size,
		      struct err *err)
{
	struct entry e = {
	    .path = path, .path_len = strlen(path), .link = "", .mode = mode, .size = size};
	autobuf header = BUF_INIT;
	int r = tar_writer_header(&e, &header, err);

	return r ? r : add_own(a, header.data, header.len, err);
}

static int archive_save_add_document(struct archive_save *a, const char *path, uint32_t mode,
				     const char *text, struct err *err)
{
	size_t len = strlen(text);
	int r = add_header(a, path, S_IFREG | mode, len, err);

	if (!r)
		r = add_own(a, text, len, err);
	return r ? r : add_padding(a, tar_writer_padding(len), err);
}

static int add_json(struct archive_save *a, const char *path, struct json_object *o,
		    struct err *err)
{
	const char *text = o ? json_object_to_json_string_ext(o, JSON_TEXT_FLAGS) : NULL;
	int r = text ? archive_save_add_document(a, path, 0644, text, err) : err_nomem(err);

	json_object_put(o);
	return r;
}

/* A blob, and whose it is. */
struct save_wanted {
	const struct descriptor *descriptor;
	size_t image, layer;
};

static int add_blob(struct archive_save *a, const struct save_wanted *w, struct err *err)
{
	const struct descriptor *d = w->descriptor;
	char name[DIGEST_TEXT_MAX + 16];
	struct save_part *p;
	int r = add_header(a, blob_name(&d->digest, name), S_IFREG | 0444, d->size, err);

	if (r)
		return r;
	p = archive_save_new_part(a, err);
	if (!p)
		return -ENOMEM;
	p->own = OF_BLOB;
	p->length = d->size;
	p->digest = d->digest;
	p->image = w->image;
	p->layer = w->layer;
	a->size += d->size;
	return add_padding(a, tar_writer_padding(d->size), err);
}

static int by_digest(const void *a, const void *b)
{
	const struct digest *x = &((const struct save_wanted *)a)->descriptor->digest;
	const struct digest *y = &((const struct save_wanted *)b)->descriptor->digest;

	if (x->algorithm != y->algorithm)
		return x->algorithm < y->algorithm ? -1 : 1;
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes));
}

static size_t list_blobs(const struct archive_save_image *images, size_t count,
			 struct save_wanted *wanted)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct image *image = images[i].image;
		const struct manifest *m = image->manifest;

		for (size_t k = 0; k < images[i].named_count; k++)
			wanted[n++] =
			    (struct save_wanted){&images[i].named[k], i, ARCHIVE_SAVE_DOCUMENT};
		wanted[n++] = (struct save_wanted){&image->descriptor, i, ARCHIVE_SAVE_DOCUMENT};
		wanted[n++] = (struct save_wanted){&m->config, i, ARCHIVE_SAVE_DOCUMENT};
		for (size_t k = 0; k < m->layer_count; k++)
			wanted[n++] = (struct save_wanted){&m->layers[k], i, k};
	}
	return n;
}

/* The blobs by name, each once: layers may repeat, and images share them. */
static int add_blobs(struct archive_save *a, const struct archive_save_image *images, size_t count,
		     struct err *err)
{
	size_t n = 0;
	autofree struct save_wanted *wanted = NULL;
	const struct digest *last = NULL;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		n += images[i].named_count + images[i].image->manifest->layer_count + 2;
	wanted = calloc(n, sizeof(*wanted));
	if (!wanted)
		return err_nomem(err);
	n = list_blobs(images, count, wanted);
	qsort(wanted, n, sizeof(*wanted), by_digest);
	for (size_t k = 0; !r && k < n; k++) {
		const struct digest *d = &wanted[k].descriptor->digest;

		if (!last || d->algorithm != last->algorithm) {
			char directory[32];

			snprintf(directory, sizeof(directory), "blobs/%s",
				 digest_algorithm_name(d));
			r = add_header(a, directory, S_IFDIR | 0755, 0, err);
		}
		if (!r && (!last || !digest_equal(d, last)))
			r = add_blob(a, &wanted[k], err);
		last = d;
	}
	return r;
}

int archive_save_open(const struct archive_save_image *images, size_t count,
		      struct archive_save **out, struct err *err)
{
	AUTO(archive_save_close) struct archive_save *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(err);
	r = add_header(a, "blobs", S_IFDIR | 0755, 0, err);
	if (!r)
		r = add_blobs(a, images, count, err);
	if (!r)
		r = add_json(a, "index.json", index_object(images, count), err);
	if (!r)
		r = add_json(a, "manifest.json", docker_list(images, count), err);
	if (!r)
		r = archive_save_add_document(a, "oci-layout", 0444,
					      "{\"imageLayoutVersion\":\"1.0.0\"}", err);
	if (!r)
		r = add_padding(a, TAR_WRITER_END, err);
	if (r)
		return r;
	*out = steal(&a);
	return 0;
}

void archive_save_close(struct archive_save *a)
{
	if (!a)
		return;
	buf_free(&a->own);
	free(a->parts);
	free(a);
}

uint64_t archive_save_size(const struct archive_save *a)
{
	return a->size;
}

void archive_save_at(const struct archive_save *a, uint64_t offset, struct archive_save_part *out)
{
	size_t low = 0, high = a->count;
	const struct save_part *p;

	*out = (struct archive_save_part){0};
	if (offset >= a->size)
		return;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (a->parts[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	p = &a->parts[low];
	out->from = offset - p->offset;
	out->length = p->length - out->from;
	out->digest = p->digest;
	out->image = p->image;
	out->layer = p->layer;
	if (p->own != OF_BLOB)
		out->data = a->own.data + p->own + out->from;
}

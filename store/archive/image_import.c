/* SPDX-License-Identifier: MIT */
#include "store/archive/image_import.h"

#include "store/archive/archive_docker.h"
#include "store/archive/archive_plan.h"
#include "store/archive/archive_stream.h"
#include "store/disk/blob.h"
#include "store/codec/gzip_writer.h"
#include "store/archive/image_change.h"
#include "store/archive/quarantine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MEMORY_MAX (8u << 20)

struct image_importer {
	struct store *store;		/* borrowed */
	char *reference;		/* owned, or NULL */
	struct json_object *config;	/* owned: the image's, but for its diff_ids */
	struct archive_stream *archive; /* owned: looks where it ends, and that it is one */
	struct buf pending;		/* owned: its first bytes, until the compression is known */
	struct quarantine *layer;	/* owned */
	struct gzip_writer *gzip;	/* owned; NULL where the archive is compressed already */
	bool begun;			/* the compression is known */
	size_t memory;			/* that quarantines may still use */
};

/* o[key] = value; takes the value over, also where it fails (NULL: out of memory). */
static bool image_import_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(o, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool image_import_add_text(struct json_object *o, const char *key, const char *text)
{
	return image_import_add(o, key, json_object_new_string(text));
}

static void print_now(char out[static 64])
{
	char seconds[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 64, "%s.%09ldZ", seconds, now.tv_nsec);
}

/* An array of one element, which is taken over. */
static struct json_object *list_of(struct json_object *element)
{
	struct json_object *list = element ? json_object_new_array() : NULL;

	if (list && json_object_array_add(list, element) == 0)
		return list;
	json_object_put(list);
	json_object_put(element);
	return NULL;
}

static struct json_object *history_of(const char *created, const char *message)
{
	struct json_object *line = json_object_new_object();

	if (line && image_import_add_text(line, "created", created) &&
	    image_import_add_text(line, "comment", message))
		return list_of(line);
	json_object_put(line);
	return NULL;
}

static int make_config(struct image_importer *i, const struct image_import *import, struct err *err)
{
	struct json_object *o = i->config = json_object_new_object();
	struct json_object *inner = json_object_new_object();
	const struct platform *p = import->platform;
	char created[64];
	int r = 0;

	print_now(created);
	if (!o || !image_import_add(o, "config", inner) ||
	    !image_import_add_text(o, "architecture", p->architecture) ||
	    !image_import_add_text(o, "os", p->os) ||
	    (p->variant[0] && !image_import_add_text(o, "variant", p->variant)) ||
	    !image_import_add_text(o, "created", created) ||
	    !image_import_add(o, "history", history_of(created, import->message)))
		return err_nomem(err);
	for (const char *const *c = import->changes; !r && *c; c++)
		r = image_change_apply(inner, *c, err);
	return r;
}

static int image_import_on_member(void *arg, const struct entry *e, struct err *err)
{
	(void)arg;
	(void)e;
	(void)err;
	return 0;
}

int image_importer_open(const struct image_import *import, struct image_importer **out,
			struct err *err)
{
	const struct archive_sink sink = {.member = image_import_on_member};
	AUTO(image_importer_close) struct image_importer *i = calloc(1, sizeof(*i));
	int r = i ? store_writable(import->store, err) : err_nomem(err);

	if (r < 0)
		return r;
	i->store = import->store;
	i->memory = MEMORY_MAX;
	if (import->reference) {
		i->reference = strdup(import->reference);
		if (!i->reference)
			return err_nomem(err);
	}
	r = make_config(i, import, err);
	if (!r)
		r = archive_stream_open(&sink, &i->archive, err);
	if (!r)
		r = quarantine_open(i->store, DIGEST_SHA256, BLOB_SIZE_ANY, &i->memory, &i->layer,
				    err);
	if (!r)
		*out = steal(&i);
	return r;
}

static int write_layer(void *arg, const void *data, size_t len, struct err *err)
{
	struct image_importer *i = arg;

	return quarantine_write(i->layer, data, len, err);
}

/* Bytes of the archive, as they came, to the layer. `last`: the compression shows by now. */
static int image_import_keep(struct image_importer *i, const void *data, size_t len, bool last,
			     struct err *err)
{
	enum compression c;
	int r = 0;

	if (i->begun)
		return i->gzip ? gzip_writer_data(i->gzip, data, len, err)
			       : write_layer(i, data, len, err);
	buf_append(&i->pending, data, len);
	if (buf_failed(&i->pending))
		return err_nomem(err);
	if (!archive_stream_compression(i->archive, &c) && !last)
		return 0;
	i->begun = true;
	if (c == COMPRESSION_NONE)
		r = gzip_writer_open(write_layer, i, &i->gzip, err);
	if (!r)
		r = image_import_keep(i, i->pending.data ? i->pending.data : "", i->pending.len,
				      true, err);
	buf_free(&i->pending);
	return r;
}

/* The config, with what is known now. */
static int plan_config(struct image_importer *i, struct archive_plan *p,
		       const struct digest *diff_id, struct descriptor *out, struct err *err)
{
	struct json_object *rootfs = json_object_new_object();
	char digest[DIGEST_TEXT_MAX];
	autobuf text = BUF_INIT;
	const char *json;

	if (!image_import_add(i->config, "rootfs", rootfs) ||
	    !image_import_add_text(rootfs, "type", "layers") ||
	    !image_import_add(rootfs, "diff_ids",
			      list_of(json_object_new_string(digest_text(diff_id, digest)))))
		return err_nomem(err);
	json = json_object_to_json_string_ext(i->config, JSON_TEXT_FLAGS);
	buf_puts(&text, json ? json : "");
	if (!json || buf_failed(&text))
		return err_nomem(err);
	return archive_plan_document(p, DOCKER_TYPE_CONFIG, &text, out, err);
}

/* Types are Docker's for the reason that archive_docker.c gives. */
static int plan_image(struct image_importer *i, struct archive_plan *p, struct digest *id,
		      struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	struct archive_layer layer = {.digest = *quarantine_digest(i->layer),
				      .size = quarantine_size(i->layer)};
	struct descriptor config = {0}, manifest = {0};
	int r = archive_plan_layer(p, &layer.digest, i->layer, &index, err);

	if (!r)
		r = archive_plan_blob(p, &layer.digest, layer.size, i->layer, err);
	if (!r)
		r = plan_config(i, p, layer_index_diff_id(index), &config, err);
	if (!r) {
		layer.compression = layer_index_compression(index);
		*id = config.digest;
		r = archive_docker_manifest(p, &config.digest, config.size, &layer, 1, &manifest,
					    err);
	}
	if (!r)
		r = archive_plan_image(p, i->reference, &manifest, id, err);
	descriptor_clear(&config);
	descriptor_clear(&manifest);
	return r;
}

static void told(void *arg, const char *reference, const struct digest *id)
{
	(void)arg;
	(void)reference;
	(void)id;
}

/* The archive is whole. */
static int import(struct image_importer *i, struct cancel *cancel, struct digest *id,
		  struct err *err)
{
	AUTO(archive_plan_close) struct archive_plan *p = NULL;
	int r = image_import_keep(i, "", 0, true, err);

	if (r == 0 && i->gzip)
		r = gzip_writer_finish(i->gzip, err);
	if (r == 0)
		r = quarantine_end(i->layer, err);
	if (r == 0)
		r = archive_plan_open(i->store, &i->memory, cancel, &p, err);
	if (r == 0)
		r = plan_image(i, p, id, err);
	if (r == 0)
		r = archive_plan_publish(p, told, NULL, err);
	return r ? r : FEED_DONE;
}

int image_importer_feed(struct image_importer *i, const void *data, size_t len,
			struct cancel *cancel, size_t *used, struct digest *id, struct err *err)
{
	int ended, r;

	if (len == 0) {
		r = archive_stream_finish(i->archive, err);
		return r < 0 ? r : import(i, cancel, id, err);
	}
	ended = archive_stream_feed(i->archive, data, len, cancel, used, err);
	if (ended < 0)
		return ended;
	r = image_import_keep(i, data, ended == FEED_DONE ? *used : len, false, err);
	return r || ended == FEED_MORE ? r : import(i, cancel, id, err);
}

void image_importer_close(struct image_importer *i)
{
	if (!i)
		return;
	gzip_writer_close(i->gzip);
	quarantine_close(i->layer);
	archive_stream_close(i->archive);
	json_object_put(i->config);
	buf_free(&i->pending);
	free(i->reference);
	free(i);
}

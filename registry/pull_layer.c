/* SPDX-License-Identifier: MIT */
/*
 * One layer. Its bytes go through the blob's writer and the layer's build in one pass; the build,
 * which has most of the work, runs in a lane beside. When they do not decode, there are two causes
 * to tell apart: they were spoilt on the way (then their digest is wrong, and one more try from
 * the start is worth it), or the layer is like this in the registry. So the rest is received even
 * so, and the digest has the first word.
 */
#include "registry/pull_hold.h"

#include "store/blob.h"
#include "store/layer_stream.h"

#include <errno.h>
#include <string.h>

#define BUFFER_SIZE (512u << 10)
#define TRIES	    2  /* of a blob whose bytes prove wrong */
#define RACES	    10 /* rounds in which another process completes, and prune removes */

/* ---- what may be fetched ---- */

static int check_type(const struct descriptor *layer, struct err *err)
{
	static const char *const known[] = {
	    "application/vnd.oci.image.layer.v1.tar",
	    "application/vnd.oci.image.layer.v1.tar+gzip",
	    "application/vnd.oci.image.layer.v1.tar+zstd",
	    "application/vnd.docker.image.rootfs.diff.tar",
	    "application/vnd.docker.image.rootfs.diff.tar.gzip",
	    "application/vnd.docker.image.rootfs.diff.tar.zstd",
	};

	if (layer->foreign)
		return err_set(err, EOPNOTSUPP, "a foreign layer (%s), which is not fetched",
			       layer->media_type);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(layer->media_type, known[i]) == 0)
			return 0;
	return err_set(err, EOPNOTSUPP, "the layer media type %s is not known", layer->media_type);
}

/* ---- from the registry ---- */

struct fetch {
	const struct pull *pull;
	const struct descriptor *layer;
	const struct digest *diff_id;	/* or NULL */
	struct blob_writer *writer;	/* owned, as are those below */
	struct registry_stream *stream; /* NULL: nothing is missing */
	char *buffer;			/* BUFFER_SIZE */
	struct layer_stream *build;
};

static void fetch_close(struct fetch *f)
{
	layer_stream_close(f->build);
	registry_stream_close(f->stream);
	blob_writer_close(f->writer);
	free(f->buffer);
}

/* The server starts from the first byte again. */
static int restart(struct fetch *f, struct err *err)
{
	int r = blob_writer_restart(f->writer, err);

	return r < 0 ? r : layer_stream_restart(f->build, err);
}

static void tell_progress(const struct fetch *f)
{
	const struct pull_watch *w = f->pull->watch;

	if (w && w->bytes)
		w->bytes(w->arg, blob_writer_offset(f->writer), f->layer->size);
}

/* The build sees the bytes of an earlier try. */
static int feed_held(struct fetch *f, struct err *err)
{
	uint64_t at = 0;

	while (at < blob_writer_offset(f->writer)) {
		int r = cancel_check(f->pull->cancel, err);
		ssize_t n =
		    r < 0 ? r : blob_writer_read(f->writer, f->buffer, BUFFER_SIZE, at, err);

		if (n <= 0)
			return (int)n;
		r = layer_stream_put(f->build, f->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	return 0;
}

/* Asks for what is missing. */
static int request(struct fetch *f, const struct ref *repository, struct err *err)
{
	uint64_t offset = blob_writer_offset(f->writer), start;
	int r = registry_blob(f->pull->registry, repository, &f->layer->digest, f->layer->size,
			      offset, f->pull->cancel, &start, &f->stream, err);

	if (r == 0 && start != offset)
		r = restart(f, err);
	return r;
}

static int receive(struct fetch *f, struct err *err)
{
	for (;;) {
		ssize_t n = registry_stream_read(f->stream, f->buffer, BUFFER_SIZE, err);
		int r;

		if (n == 0)
			return 0;
		if (n == -ESTALE)
			r = restart(f, err);
		else if (n < 0)
			return (int)n;
		else
			r = blob_writer_write(f->writer, f->buffer, (size_t)n, err);
		if (r == 0 && n > 0)
			r = layer_stream_put(f->build, f->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		tell_progress(f);
	}
}

/* Fetches the rest of the blob into the open writer. */
static int fetch_rest(struct fetch *f, const struct ref *repository, struct err *err)
{
	int r;

	f->buffer = malloc(BUFFER_SIZE);
	if (!f->buffer)
		return err_nomem(err);
	r = layer_stream_open(f->pull->store, f->diff_id, f->pull->cancel, &f->build, err);
	if (r == 0)
		r = feed_held(f, err);
	if (r == 0 && blob_writer_offset(f->writer) < f->layer->size)
		r = request(f, repository, err);
	if (r == 0 && f->stream)
		r = receive(f, err);
	return r;
}

/* 0, -EEXIST where another has completed the blob meanwhile, or an error; *spoilt: the bytes that
 * came are not those of the digest. */
static int fetch_blob(const struct pull *p, const struct ref *repository,
		      const struct descriptor *layer, const struct digest *diff_id, bool *spoilt,
		      struct err *err)
{
	struct fetch f = {.pull = p, .layer = layer, .diff_id = diff_id};
	int r = blob_writer_open(p->store, &layer->digest, layer->size, p->cancel, &f.writer, err);

	if (r == 0)
		r = fetch_rest(&f, repository, err);
	if (r == 0) {
		r = blob_writer_commit(f.writer, err);
		*spoilt = r == -EBADMSG;
	}
	if (r == 0) /* only then: what else is worth an index? */
		r = layer_stream_finish(f.build, &layer->digest, err);
	fetch_close(&f);
	return r;
}

/* ---- from the store ---- */

static int check_diff_id(const struct layer_index *index, const struct digest *diff_id,
			 struct err *err)
{
	char is[DIGEST_TEXT_MAX], wanted[DIGEST_TEXT_MAX];

	if (!diff_id || digest_equal(layer_index_diff_id(index), diff_id))
		return 0;
	return err_set(err, EBADMSG, "its uncompressed digest is %s, the config says %s",
		       digest_text(layer_index_diff_id(index), is), digest_text(diff_id, wanted));
}

/* The blob is there: its index is checked, or made. *spoilt: it has rotted, and is gone. */
static int index_blob(const struct pull *p, const struct descriptor *layer,
		      const struct digest *diff_id, bool *spoilt, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	int r = layer_index_open(p->store, &layer->digest, &index, err);

	if (r == 0)
		return check_diff_id(index, diff_id, err);
	if (r != -ENOENT)
		return r;
	r = layer_build_from_blob(p->store, &layer->digest, diff_id, p->cancel, err);
	if (r == -EBADMSG)
		*spoilt = blob_verify(p->store, &layer->digest, p->cancel, NULL) == -EBADMSG;
	return r;
}

int pull_layer(const struct pull *p, const struct ref *repository, const struct descriptor *layer,
	       const struct digest *diff_id, struct err *err)
{
	int r = check_type(layer, err);

	if (r == 0)
		r = pull_hold(p, &layer->digest, err);
	for (int tries = TRIES, races = RACES; r == 0;) {
		bool spoilt = false;

		if (blob_exists(p->store, &layer->digest, layer->size))
			r = index_blob(p, layer, diff_id, &spoilt, err);
		else
			r = fetch_blob(p, repository, layer, diff_id, &spoilt, err);
		if (r == 0)
			return 0;
		if ((r == -EEXIST && --races > 0) || (spoilt && --tries > 0))
			r = 0;
	}
	if (blob_lacks_room(r))
		blob_drop_partial(p->store, &layer->digest);
	return r;
}

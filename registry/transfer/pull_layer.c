/* SPDX-License-Identifier: MIT */
/*
 * One layer. Its bytes go through the blob's writer and the layer's build in one pass; the build,
 * which has most of the work, runs in a lane beside. Bytes that do not decode have one of two causes.
 * They were spoilt on the way: then their digest is wrong, and one more try from the start is worth
 * it. Or the layer is like this in the registry. So the rest is received in any case, and the digest
 * decides.
 *
 * A blob of which something is held in part (store/disk/held.h) gets the rest there, and is read
 * through when it is whole.
 */
#include "registry/transfer/pull_attempt.h"
#include "registry/transfer/pull_range.h"
#include "registry/transfer/pull_receive.h"

#include "store/disk/blob.h"
#include "store/layer/layer_build.h"
#include "store/layer/layer_name.h"
#include "store/layer/layer_stream.h"
#include "store/lazy/lazy_agree.h"

#include <errno.h>
#include <string.h>

#define HELD_SIZE (512u << 10) /* read at once of what is there already */

/* ---- what may be fetched ---- */

/* Foreign layers too: a registry may have them (docker's allow-nondistributable-artifacts). */
static int check_type(const struct descriptor *layer, struct err *err)
{
	static const char *const known[] = {
	    "application/vnd.oci.image.layer.v1.tar",
	    "application/vnd.oci.image.layer.v1.tar+gzip",
	    "application/vnd.oci.image.layer.v1.tar+zstd",
	    "application/vnd.docker.image.rootfs.diff.tar",
	    "application/vnd.docker.image.rootfs.diff.tar.gzip",
	    "application/vnd.docker.image.rootfs.diff.tar.zstd",
	    "application/vnd.oci.image.layer.nondistributable.v1.tar",
	    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	    "application/vnd.docker.image.rootfs.foreign.diff.tar",
	    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(layer->media_type, known[i]) == 0)
			return 0;
	return err_set(err, EOPNOTSUPP, "the layer media type %s is not known", layer->media_type);
}

/* ---- from the registry ---- */

/* Both get all bytes: the blob in the store, and the layer's index. */
struct layer_sink {
	struct blob_writer *writer; /* owned, as is build */
	struct layer_stream *build;
};

static int layer_sink_put(void *arg, const char *data, size_t len, struct err *err)
{
	struct layer_sink *s = arg;
	int r = blob_writer_write(s->writer, data, len, err);

	return r < 0 ? r : layer_stream_put(s->build, data, len, err);
}

static int layer_sink_restart(void *arg, struct err *err)
{
	struct layer_sink *s = arg;
	int r = blob_writer_restart(s->writer, err);

	return r < 0 ? r : layer_stream_restart(s->build, err);
}

/* The build sees the bytes of an earlier try. */
static int feed_held(const struct layer_sink *s, struct cancel *cancel, struct err *err)
{
	autofree char *buffer = malloc(HELD_SIZE);
	uint64_t at = 0;

	if (!buffer)
		return err_nomem(err);
	while (at < blob_writer_offset(s->writer)) {
		int r = cancel_check(cancel, err);
		ssize_t n = r < 0 ? r : blob_writer_read(s->writer, buffer, HELD_SIZE, at, err);

		if (n <= 0)
			return (int)n;
		r = layer_stream_put(s->build, buffer, (size_t)n, err);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	return 0;
}

/* Fetches the rest of the blob into the open writer. */
static int receive_rest(const struct pull_attempt *a, struct layer_sink *s, struct err *err)
{
	const struct pull_sink sink = {
	    .arg = s, .put = layer_sink_put, .restart = layer_sink_restart};
	int r = layer_stream_open(a->transfer->store, a->arg, a->transfer->cancel, &s->build, err);

	if (!r)
		r = feed_held(s, a->transfer->cancel, err);
	if (!r && blob_writer_offset(s->writer) < a->blob->size)
		r = pull_receive(a->transfer, a->repository, a->blob,
				 (struct byte_range){blob_writer_offset(s->writer), a->blob->size},
				 &sink, err);
	return r;
}

static int fetch_blob(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	struct layer_sink s = {0};
	int r = blob_writer_open(a->transfer->store, &a->blob->digest, a->blob->size,
				 a->transfer->cancel, &s.writer, err);

	if (!r)
		r = receive_rest(a, &s, err);
	if (!r) {
		r = blob_writer_commit(s.writer, err);
		*spoilt = r == -EBADMSG;
	}
	if (!r) /* only then: what else is worth an index? */
		r = layer_stream_finish(s.build, &a->blob->digest, err);
	layer_stream_close(s.build);
	blob_writer_close(s.writer);
	return r;
}

/* ---- from the store ---- */

/* The blob is there: its index is checked, or made. *spoilt: it has rotted, and is marked. */
static int index_blob(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	const struct digest *digest = &a->blob->digest;
	struct store *store = a->transfer->store;
	int r = layer_index_open(store, digest, LAYER_CHECK_BLOCKS, &index, err);

	if (!r)
		return layer_build_check_diff_id(layer_index_diff_id(index), a->arg, err);
	if (r != -ENOENT)
		return r;
	r = layer_build_from_blob(store, digest, a->arg, a->transfer->cancel, err);
	if (r == -EBADMSG)
		*spoilt = blob_verify(store, digest, a->transfer->cancel, NULL) == -EBADMSG;
	return r;
}

static int pull_layer_run(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	int r = check_type(a->blob, err);

	if (r < 0)
		return r;
	if (!blob_is_sound(a->transfer->store, &a->blob->digest, a->blob->size)) {
		r = pull_rest(a->transfer, a->repository, a->blob, spoilt, err);
		if (r == -ENOENT)
			return fetch_blob(a, spoilt, err);
	}
	return r ? r : index_blob(a, spoilt, err);
}

/* The layer was read by its table until now. The first to see that it said otherwise is told. */
static int end_table(const struct transfer *t, const struct digest *blob, struct err *err)
{
	char text[DIGEST_TEXT_MAX];
	struct layer_name name;
	int r = 0;

	if (layer_name_any_table(t->store, blob, &name))
		r = lazy_agree(t->store, blob, t->cancel, err);
	layer_name_drop_table(t->store, blob);
	if (r == -EBADMSG)
		return err_context(err, "layer %s", digest_text(blob, text));
	return r == -EINTR ? r : 0;
}

int pull_layer(const struct transfer *t, const struct ref *repository,
	       const struct descriptor *layer, const struct digest *diff_id, struct err *err)
{
	const struct pull_attempt attempt = {.transfer = t,
					     .repository = repository,
					     .blob = layer,
					     .kind = "layer",
					     .run = pull_layer_run,
					     .arg = diff_id};

	int r = pull_attempt(&attempt, err);

	return r ? r : end_table(t, &layer->digest, err);
}

/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_blob.h"

#include "registry/transfer/pull_attempt.h"
#include "registry/transfer/pull_receive.h"
#include "store/disk/blob.h"
#include "store/images/document.h"

#include <errno.h>

/* ---- into the store ---- */

static int put_in_file(void *arg, const char *data, size_t len, struct err *err)
{
	return blob_writer_write(arg, data, len, err);
}

static int restart_file(void *arg, struct err *err)
{
	return blob_writer_restart(arg, err);
}

static int pull_blob_fetch(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	AUTO(blob_writer_close) struct blob_writer *w = NULL;
	int r = blob_writer_open(a->transfer->store, &a->blob->digest, a->blob->size,
				 a->transfer->cancel, &w, err);
	const struct pull_sink sink = {.arg = w, .put = put_in_file, .restart = restart_file};

	if (!r && blob_writer_offset(w) < a->blob->size)
		r = pull_receive(a->transfer, a->repository, a->blob,
				 (struct byte_range){blob_writer_offset(w), a->blob->size}, &sink,
				 err);
	if (r < 0)
		return r;
	r = blob_writer_commit(w, err);
	*spoilt = r == -EBADMSG;
	return r;
}

static int pull_blob_run(const struct pull_attempt *a, bool *spoilt, struct err *err)
{
	if (blob_is_sound(a->transfer->store, &a->blob->digest, a->blob->size))
		return 0;
	return pull_blob_fetch(a, spoilt, err);
}

int pull_blob(const struct transfer *t, const struct ref *repository, const struct descriptor *d,
	      struct err *err)
{
	const struct pull_attempt attempt = {.transfer = t,
					     .repository = repository,
					     .blob = d,
					     .kind = "blob",
					     .run = pull_blob_run};

	return pull_attempt(&attempt, err);
}

int pull_blob_all(const struct transfer *t, const struct ref *repository, const struct manifest *m,
		  struct err *err)
{
	for (size_t i = 0; i < m->layer_count; i++) {
		const struct descriptor *d = &m->layers[i];
		bool local = blob_is_sound(t->store, &d->digest, d->size);
		int r;

		r = pull_blob(t, repository, d, err);
		if (r == -EOPNOTSUPP && d->foreign)
			continue;
		if (r < 0)
			return r;
		transfer_blob_line(t, &d->digest, local ? "Already exists" : "Download complete",
				   "");
	}
	return 0;
}

/* ---- into memory ---- */

struct memory_sink {
	struct buf *body;
	uint64_t size; /* that it may have */
};

static int put_in_memory(void *arg, const char *data, size_t len, struct err *err)
{
	struct memory_sink *s = arg;

	if (len > s->size - s->body->len)
		return err_set(err, EBADMSG, "more bytes than its descriptor says");
	buf_append(s->body, data, len);
	return buf_failed(s->body) ? err_nomem(err) : 0;
}

static int restart_memory(void *arg, struct err *err)
{
	struct memory_sink *s = arg;

	(void)err;
	buf_reset(s->body);
	return 0;
}

static int read_verified(const struct transfer *t, const struct ref *repository,
			 const struct descriptor *d, struct buf *body, struct err *err)
{
	struct memory_sink memory = {.body = body, .size = d->size};
	const struct pull_sink sink = {
	    .arg = &memory, .put = put_in_memory, .restart = restart_memory};
	char is[DIGEST_TEXT_MAX], wanted[DIGEST_TEXT_MAX];
	struct transfer silent = *t; /* its progress is that of what is kept */
	struct digest digest;
	int r;

	silent.watch = NULL;
	r = pull_receive(&silent, repository, d, (struct byte_range){0, d->size}, &sink, err);
	if (!r)
		r = digest_of(d->digest.algorithm, body->data, body->len, &digest, err);
	if (r < 0 || digest_equal(&digest, &d->digest))
		return r;
	return err_set(err, EBADMSG, "its bytes have the digest %s, not %s",
		       digest_text(&digest, is), digest_text(&d->digest, wanted));
}

int pull_blob_small(const struct transfer *t, const struct ref *repository,
		    const struct descriptor *d, size_t max, struct buf *out, struct err *err)
{
	autobuf body = BUF_INIT;
	int r;

	if (d->size > max)
		return err_set(err, EPROTO, "%llu bytes; at most %zu are taken",
			       (unsigned long long)d->size, max);
	r = document_read(t->store, d, max, &body, NULL);
	if (r < 0) {
		buf_reset(&body);
		r = read_verified(t, repository, d, &body, err);
	}
	if (!r)
		buf_append(out, body.data, body.len);
	return !r && buf_failed(out) ? err_nomem(err) : r;
}

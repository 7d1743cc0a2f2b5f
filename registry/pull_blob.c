/* SPDX-License-Identifier: MIT */
#include "registry/pull_blob.h"

#include "registry/pull_hold.h"
#include "store/blob.h"

#include <errno.h>
#include <stdio.h>

#define BUFFER_SIZE (128u << 10)
#define TRIES	    2 /* of a blob whose bytes prove wrong */
#define ID_DIGITS   12

/* ---- into the store ---- */

/* Asks for what is missing, and writes it. */
static int receive(const struct pull *p, const struct ref *repository, const struct descriptor *d,
		   struct blob_writer *w, struct err *err)
{
	AUTO(registry_stream_close) struct registry_stream *stream = NULL;
	autofree char *buffer = malloc(BUFFER_SIZE);
	uint64_t offset = blob_writer_offset(w), start;
	int r = buffer ? 0 : err_nomem(err);

	if (r == 0)
		r = registry_blob(p->registry, repository, &d->digest, d->size, offset, p->cancel,
				  &start, &stream, err);
	if (r == 0 && start != offset)
		r = blob_writer_restart(w, err);
	while (r == 0) {
		ssize_t n = registry_stream_read(stream, buffer, BUFFER_SIZE, err);

		if (n == 0)
			return 0;
		if (n == -ESTALE)
			r = blob_writer_restart(w, err);
		else if (n < 0)
			r = (int)n;
		else
			r = blob_writer_write(w, buffer, (size_t)n, err);
		if (r == 0 && p->watch && p->watch->bytes)
			p->watch->bytes(p->watch->arg, blob_writer_offset(w), d->size);
	}
	return r;
}

/* *spoilt: the bytes that came are not those of the digest. */
static int fetch(const struct pull *p, const struct ref *repository, const struct descriptor *d,
		 bool *spoilt, struct err *err)
{
	AUTO(blob_writer_close) struct blob_writer *w = NULL;
	int r = blob_writer_open(p->store, &d->digest, d->size, p->cancel, &w, err);

	if (r == -EEXIST)
		return 0;
	if (r == 0 && blob_writer_offset(w) < d->size)
		r = receive(p, repository, d, w, err);
	if (r < 0)
		return r;
	r = blob_writer_commit(w, err);
	*spoilt = r == -EBADMSG;
	return r;
}

int pull_blob(const struct pull *p, const struct ref *repository, const struct descriptor *d,
	      struct err *err)
{
	int r = pull_hold(p, &d->digest, err);

	if (r < 0)
		return r;
	if (d->foreign)
		return err_set(err, EOPNOTSUPP, "a foreign blob (%s), which is not fetched",
			       d->media_type);
	for (int tries = TRIES; tries > 0; tries--) {
		bool spoilt = false;

		if (blob_exists(p->store, &d->digest, d->size))
			return 0;
		r = fetch(p, repository, d, &spoilt, err);
		if (!spoilt)
			break;
	}
	if (blob_lacks_room(r))
		blob_drop_partial(p->store, &d->digest);
	return r;
}

static void tell(const struct pull *p, const struct descriptor *d, const char *what)
{
	char hex[DIGEST_HEX_MAX], line[64];

	if (!p->watch || !p->watch->line)
		return;
	digest_hex(&d->digest, hex);
	snprintf(line, sizeof(line), "%.*s: %s", ID_DIGITS, hex, what);
	p->watch->line(p->watch->arg, line);
}

int pull_blobs(const struct pull *p, const struct ref *repository, const struct manifest *m,
	       struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < m->layer_count; i++) {
		const struct descriptor *d = &m->layers[i];
		bool local = blob_exists(p->store, &d->digest, d->size);
		int r;

		if (d->foreign)
			continue;
		r = pull_blob(p, repository, d, err);
		if (r < 0)
			return err_context(err, "blob %s", digest_text(&d->digest, text));
		tell(p, d, local ? "Already exists" : "Download complete");
	}
	return 0;
}

/* ---- into memory ---- */

static int read_stream(struct registry_stream *stream, struct buf *body, uint64_t size,
		       struct err *err)
{
	for (;;) {
		char *room = buf_reserve(body, size - body->len + 1);
		ssize_t n;

		if (!room)
			return err_nomem(err);
		n = registry_stream_read(stream, room, size - body->len + 1, err);
		if (n == -ESTALE) {
			buf_reset(body);
			continue;
		}
		if (n <= 0)
			return (int)n;
		body->len += (size_t)n;
		if (body->len > size)
			return err_set(err, EBADMSG, "more bytes than its descriptor says");
	}
}

static int read_verified(const struct pull *p, const struct ref *repository,
			 const struct descriptor *d, struct buf *body, struct err *err)
{
	AUTO(registry_stream_close) struct registry_stream *stream = NULL;
	char is[DIGEST_TEXT_MAX], wanted[DIGEST_TEXT_MAX];
	struct digest digest;
	uint64_t start;
	int r = registry_blob(p->registry, repository, &d->digest, d->size, 0, p->cancel, &start,
			      &stream, err);

	if (r == 0)
		r = read_stream(stream, body, d->size, err);
	if (r == 0)
		r = digest_of(d->digest.algorithm, body->data, body->len, &digest, err);
	if (r < 0 || digest_equal(&digest, &d->digest))
		return r;
	return err_set(err, EBADMSG, "its bytes have the digest %s, not %s",
		       digest_text(&digest, is), digest_text(&d->digest, wanted));
}

int pull_small_blob(const struct pull *p, const struct ref *repository, const struct descriptor *d,
		    size_t max, struct buf *out, struct err *err)
{
	autobuf body = BUF_INIT;
	int r;

	if (d->size > max)
		return err_set(err, EPROTO, "%llu bytes; at most %zu are taken",
			       (unsigned long long)d->size, max);
	r = blob_read(p->store, &d->digest, max, &body, NULL);
	if (r < 0) {
		buf_reset(&body);
		r = read_verified(p, repository, d, &body, err);
	}
	if (r == 0)
		buf_append(out, body.data, body.len);
	return r == 0 && buf_failed(out) ? err_nomem(err) : r;
}

/* SPDX-License-Identifier: MIT */
/*
 * A registry in memory, for tests of what sits on the client: defines the functions of
 * registry/api/registry.h that pulling calls, so that the linker does not take the real ones.
 * Counts what is asked for; faults are set by the test. Thread safe.
 */
#ifndef TESTS_FAKE_REGISTRY_H
#define TESTS_FAKE_REGISTRY_H

#include "registry/api/registry.h"
#include "tests/unit/sample_image.h"
#include "tests/unit/until.h"

#include <errno.h>
#include <pthread.h>

#define FAKE_MAX 32

struct fake_document {
	char tag[32]; /* or "": by digest only */
	const char *content_type;
	const struct sample *sample; /* NULL: not there */
};

struct registry {
	pthread_mutex_t lock;
	struct fake_document documents[FAKE_MAX];
	size_t document_count;
	const struct sample *blobs[FAKE_MAX];
	size_t blob_count;

	size_t gets, heads, blob_requests; /* what was asked for */
	uint64_t blob_bytes;
	uint64_t highest_offset;

	const struct sample *faulty; /* the faults below are of this blob */
	size_t fail_at;		     /* the connection is cut there; 0: not */
	int fail_code;		     /* 0: ECONNREFUSED */
	size_t stale_at;	     /* -ESTALE there, once; 0: not */
	size_t spoil_at;	     /* this byte is wrong, */
	int spoils;		     /* so many times */
	bool ignores_range;
	bool hangs;	    /* reading waits until it is cancelled */
	atomic_int hanging; /* streams that do */
};

struct registry_stream {
	struct registry *registry;
	const struct sample *blob;
	struct cancel *cancel;
	uint64_t offset;
	bool spoil;
};

static inline void fake_add_document(struct registry *r, const char *tag, const char *content_type,
				     const struct sample *s)
{
	struct fake_document *d = &r->documents[r->document_count++];

	*d = (struct fake_document){.content_type = content_type, .sample = s};
	snprintf(d->tag, sizeof(d->tag), "%s", tag);
}

static inline void fake_add_image(struct registry *r, const char *tag, const struct sample_image *i)
{
	fake_add_document(r, tag, OCI_TYPE_MANIFEST, &i->manifest);
	r->blobs[r->blob_count++] = &i->config;
	for (size_t n = 0; n < i->layer_count; n++)
		r->blobs[r->blob_count++] = &i->layers[n].blob;
}

/* Points a tag elsewhere. */
static inline void fake_move_tag(struct registry *r, const char *tag, const struct sample *s)
{
	for (size_t i = 0; i < r->document_count; i++)
		if (strcmp(r->documents[i].tag, tag) == 0)
			r->documents[i].sample = s;
}

static const struct fake_document *fake_find(struct registry *r, const struct ref *ref)
{
	for (size_t i = 0; i < r->document_count; i++) {
		const struct fake_document *d = &r->documents[i];

		if (ref->has_digest ? digest_equal(&ref->digest, &d->sample->digest)
				    : strcmp(ref->tag, d->tag) == 0)
			return d;
	}
	return NULL;
}

int registry_manifest(struct registry *r, const struct ref *ref, struct cancel *cancel,
		      struct manifest_answer *out, struct err *err)
{
	const struct fake_document *d = fake_find(r, ref);

	pthread_mutex_lock(&r->lock);
	r->gets++;
	pthread_mutex_unlock(&r->lock);
	if (cancel_check(cancel, err) < 0)
		return -err->code;
	if (!d)
		return err_set(err, ENOENT, "manifest unknown");
	out->content_type = strdup(d->content_type);
	out->digest = d->sample->digest;
	buf_append(&out->body, d->sample->body.data, d->sample->body.len);
	return 0;
}

int registry_manifest_digest(struct registry *r, const struct ref *ref, struct cancel *cancel,
			     struct digest *out, struct err *err)
{
	const struct fake_document *d = fake_find(r, ref);

	(void)cancel;
	r->heads++;
	if (!d)
		return err_set(err, ENOENT, "manifest unknown");
	*out = d->sample->digest;
	return 0;
}

void registry_manifest_clear(struct manifest_answer *a)
{
	free(a->content_type);
	buf_free(&a->body);
	*a = (struct manifest_answer){0};
}

int registry_blob(struct registry *r, const struct blob_request *q, struct cancel *cancel,
		  struct byte_range *comes, struct registry_stream **out, struct err *err)
{
	struct registry_stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	pthread_mutex_lock(&r->lock);
	r->blob_requests++;
	if (q->range.first > r->highest_offset)
		r->highest_offset = q->range.first;
	for (size_t i = 0; i < r->blob_count; i++)
		if (digest_equal(&r->blobs[i]->digest, q->digest))
			s->blob = r->blobs[i];
	s->spoil = s->blob && s->blob == r->faulty && r->spoils > 0 && r->spoils--;
	pthread_mutex_unlock(&r->lock);
	if (!s->blob) {
		free(s);
		return err_set(err, ENOENT, "blob unknown to registry");
	}
	s->registry = r;
	s->cancel = cancel;
	s->offset = r->ignores_range ? 0 : q->range.first;
	*comes = (struct byte_range){s->offset, q->size};
	*out = s;
	return 0;
}

/* Gives at most 64 KiB at once, as a connection does. */
ssize_t registry_stream_read(struct registry_stream *s, void *data, size_t max, struct err *err)
{
	struct registry *r = s->registry;
	bool faulty = s->blob == r->faulty;
	size_t n = s->blob->body.len - s->offset;
	int e;

	if (faulty && r->hangs) {
		r->hanging++;
		UNTIL(cancel_check(s->cancel, NULL) < 0);
	}
	e = cancel_check(s->cancel, err);
	if (e < 0)
		return e;
	if (n > max)
		n = max;
	if (n > 65536)
		n = 65536;
	if (faulty && r->fail_at && s->offset + n > r->fail_at)
		return err_set(err, r->fail_code ? r->fail_code : ECONNREFUSED,
			       "connection refused");
	if (faulty && r->stale_at && s->offset + n > r->stale_at) {
		r->stale_at = 0;
		s->offset = 0;
		return err_set(err, ESTALE, "starts over");
	}
	memcpy(data, s->blob->body.data + s->offset, n);
	if (s->spoil && s->offset <= r->spoil_at && r->spoil_at < s->offset + n)
		((char *)data)[r->spoil_at - s->offset] ^= 0x55;
	s->offset += n;
	pthread_mutex_lock(&r->lock);
	r->blob_bytes += n;
	pthread_mutex_unlock(&r->lock);
	return (ssize_t)n;
}

int registry_tags(struct registry *r, const struct ref *repository, struct cancel *cancel,
		  int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		  struct err *err)
{
	int e = 0;

	(void)repository;
	(void)cancel;
	for (size_t i = 0; e == 0 && i < r->document_count; i++)
		if (r->documents[i].tag[0])
			e = each(arg, r->documents[i].tag, err);
	return e;
}

void registry_stream_close(struct registry_stream *s)
{
	free(s);
}

#endif
